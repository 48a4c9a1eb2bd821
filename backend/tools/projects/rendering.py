"""The files of a new project."""

import os
import shutil
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

from tools.console import Problem
from tools.projects.names import Name
from tools.projects.origin import FILE, Origin
from tools.projects.repository import answer, git

HERE = "backend/tools/projects"
# These files describe Liftoff itself, or make projects from it.
LEFT_OUT = (
    HERE,
    "backend/tests/tools/projects",
    "backend/docs/new-projects.md",
    "backend/docs/upgrading.md",
    "CHANGELOG.md",
)
UNCHANGED = {"LICENSE"}  # the licence demands that its copyright notice is kept


def render(template: Path, origin: Origin, target: Path) -> None:
    """Write the files of a project into an empty folder.

    They are the files of Liftoff at `origin.commit`, with the name of the project in
    them.
    """
    _check_out(template, origin.commit, target)
    for name in LEFT_OUT:
        _delete(target / name)
    readme = answer(template, "show", f"{origin.commit}:{HERE}/README.md")
    (target / "README.md").write_text(f"{readme}\n", "utf-8")
    for path in sorted(target.rglob("*"), reverse=True):  # rename a folder after its content
        _rename(path, origin.name)
    _allow_longer_lines(target / "backend/pyproject.toml")
    (target / FILE).write_text(origin.text(), "utf-8")
    _remove_features(target, origin.without)
    _format(target)


def _check_out(template: Path, commit: str, target: Path) -> None:
    """Write the files of a commit. The index of `template` stays as it is."""
    index = str(target.parent / f"{target.name}.index")
    git(template, "read-tree", commit, env={"GIT_INDEX_FILE": index})
    git(template, "checkout-index", "--all", f"--prefix={target}/", env={"GIT_INDEX_FILE": index})
    Path(index).unlink()


def _delete(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _rename(path: Path, name: Name) -> None:
    """Put the name of the project into the name and content of a file, or the name of a
    folder.
    """
    if path.is_file() and not path.is_symlink() and path.name not in UNCHANGED:
        content = path.read_bytes()
        with suppress(UnicodeDecodeError):  # a picture, for example, is not text
            renamed = name.given_to(content.decode("utf-8")).encode("utf-8")
            if renamed != content:
                path.write_bytes(renamed)
    path.rename(path.with_name(name.given_to(path.name)))


def _allow_longer_lines(file: Path) -> None:
    """Leave room for a name that is longer than Liftoff's.

    The formatter wraps code, but neither prose nor strings.
    """
    lengths = 'ignore = [\n    "E501", # a long name makes prose and strings longer\n    "W505",\n'
    text = file.read_text("utf-8")
    file.write_text(text.replace("ignore = [\n", lengths, 1), "utf-8")


def _remove_features(target: Path, features: tuple[str, ...]) -> None:
    for feature in features:
        _python(target, "scaffold", "remove", "--name", feature, "--yes", "1")


def _format(target: Path) -> None:
    """Run the formatter, because the new name has made lines longer or shorter."""
    _python(target, "ruff", "check", "--no-cache", "--fix", "--exit-zero", "--quiet", ".")
    _python(target, "ruff", "format", "--no-cache", "--quiet", ".")


def _python(target: Path, *arguments: str) -> None:
    own = {key: os.environ[key] for key in ("PATH", "HOME") if key in os.environ}
    settings = {"ENVIRONMENT": "development", "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        [sys.executable, "-m", *arguments],
        cwd=target / "backend",
        env=own | settings,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise Problem((done.stderr or done.stdout).strip())
