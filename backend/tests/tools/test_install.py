"""Only the lock decides what is installed.

What the package index offers makes no difference, and neither does the version of pip.
"""

import base64
import hashlib
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from app.core.config import BACKEND, ROOT
from tests.support.trees import Tree

LOCKED, NEWER = "1.0", "9999.0"
# `user` wants an extra of `thing`, and this lock does not name the extra. Our lock once
# had the same fault. An installer that resolves dependencies would find thing 9999.0,
# which has no hash in the lock.
REQUIRES = {
    "thing": ['extra-part ; extra == "more"'],
    "extra-part": [],
    "user": ["thing[more]>=1.0"],
}
INSTALL = "from tools import install; install.install({uv!r})"


def make_wheel(folder: Path, name: str, version: str, requires: list[str]) -> str:
    """Write an empty wheel into the folder and return its SHA-256."""
    module = name.replace("-", "_")
    info = f"{module}-{version}.dist-info"
    needs = "".join(f"Requires-Dist: {requirement}\n" for requirement in requires)
    meta = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\nProvides-Extra: more\n{needs}"
    files = {
        f"{module}_part.py": b"",
        f"{info}/METADATA": meta.encode(),
        f"{info}/WHEEL": b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    lines = []
    for path, data in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
        lines.append(f"{path},sha256={digest},{len(data)}\n")
    files[f"{info}/RECORD"] = "".join([*lines, f"{info}/RECORD,,\n"]).encode()
    wheel = folder / f"{module}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for path, data in files.items():
            archive.writestr(path, data)
    return hashlib.sha256(wheel.read_bytes()).hexdigest()


@pytest.fixture
def index(tmp_path):
    folder = tmp_path / "index"
    folder.mkdir()
    return folder


@pytest.fixture
def tree(tmp_path, index):
    """A clone whose lock contains three packages, and an index that offers a newer
    version of each.
    """
    tree = Tree(tmp_path / "clone")
    lock = ""
    for name, requires in REQUIRES.items():
        lock += f"{name}=={LOCKED} --hash=sha256:{make_wheel(index, name, LOCKED, requires)}\n"
        make_wheel(index, name, NEWER, requires)
    (tree.backend / "requirements-dev.txt").write_text(lock)
    return tree


def make_venv(tree: Tree, pip: str) -> Path:
    """Create .venv with this release of pip, which comes from the package index."""
    subprocess.run([sys.executable, "-m", "venv", tree.root / ".venv"], check=True)
    python = tree.root / ".venv" / "bin" / "python"
    upgrade = [
        str(python),
        "-m",
        "pip",
        "--disable-pip-version-check",
        "install",
        "--quiet",
        "--upgrade",
    ]
    subprocess.run([*upgrade, pip], check=True)
    return python


def installed(python: Path) -> dict[str, str]:
    frozen = subprocess.check_output([python, "-m", "pip", "list", "--format=freeze"], text=True)
    return dict(line.split("==") for line in frozen.split())


def offer_only(index: Path) -> dict[str, str]:
    """Return settings that make pip and uv use this folder as their only index."""
    pip = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(index)}
    return pip | {"UV_OFFLINE": "1", "UV_FIND_LINKS": str(index), "HOME": os.environ["HOME"]}


@pytest.mark.slow
@pytest.mark.parametrize("pip", ["pip==22.3", "pip"], ids=["oldest", "newest"])
def test_pip_installs_what_the_lock_says(tree, index, pip):
    python = make_venv(tree, pip)
    done = tree.python("-c", INSTALL.format(uv=None), **offer_only(index))
    assert done.returncode == 0, done.stderr
    assert dict.fromkeys(REQUIRES, LOCKED).items() <= installed(python).items()


def test_uv_installs_what_the_lock_says(tree, index):
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tree.root / ".venv"], check=True)
    uv = shutil.which("uv", path=str(Path(sys.executable).parent))
    done = tree.python("-c", INSTALL.format(uv=uv), **offer_only(index))
    assert done.returncode == 0, done.stderr
    packages = tree.root / ".venv" / "lib"
    assert len([*packages.glob(f"*/site-packages/*-{LOCKED}.dist-info")]) == len(REQUIRES)


def test_a_lock_that_does_not_fit_together_is_refused(tree, index):
    lock = tree.backend / "requirements-dev.txt"
    lines = lock.read_text().splitlines(keepends=True)
    lock.write_text("".join(line for line in lines if not line.startswith("thing")))
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tree.root / ".venv"], check=True)
    uv = shutil.which("uv", path=str(Path(sys.executable).parent))
    done = tree.python("-c", INSTALL.format(uv=uv), **offer_only(index))
    assert "The packages of the lock do not fit together" in done.stderr


@pytest.mark.parametrize("lock", ["requirements.txt", "backend/requirements-dev.txt"])
def test_every_line_of_the_lock_is_pinned(lock):
    text = re.sub(r"\\\n\s*", " ", (ROOT / lock).read_text())
    lines = [line for line in text.splitlines() if line and not line.lstrip().startswith("#")]
    assert len(lines) > 50
    assert [
        line for line in lines if not re.search(r"^[\w.-]+(\[[\w,.-]+\])?==\S+ .*--hash=", line)
    ] == []


def test_the_lock_keeps_extras():
    """Even if pip resolves dependencies, `uvicorn[standard]` is pinned."""
    assert "uvicorn[standard]==" in (ROOT / "requirements.txt").read_text()
    assert "coverage[toml]==" in (ROOT / "backend" / "requirements-dev.txt").read_text()


@pytest.mark.parametrize("place", ["Dockerfile", "docs/operating.md"])
def test_production_is_installed_like_development(place):
    text = re.sub(r"\\\n\s*", "", (BACKEND / place).read_text())
    assert "--no-deps --require-hashes --only-binary=:all: --requirement requirements.txt" in text
