"""An environment for each peer, with the package versions that the peer's folder pins.

No test is skipped here: a peer that cannot be installed is a failure.
"""

import fcntl
import os
import subprocess
import sys
from pathlib import Path

from app.core.config import BACKEND

PEERS = BACKEND / "tests" / "peers"
INSTALL_SECONDS = 600
KEPT = ("HOME", "LANG", "PATH", "PIP_CERT", "SSL_CERT_FILE", "TMPDIR", "UV_CACHE_DIR")
NOWHERE = "http://127.0.0.1:9"
"""A proxy at which nothing listens, so that no peer reaches the real Stripe.
"""


def python_in(folder: Path) -> Path:
    """Install the packages that `folder/requirements.txt` pins, and return the Python
    of `folder/.venv`.
    """
    lock, stamp = folder / "requirements.txt", folder / ".venv" / ".installed"
    python = folder / ".venv" / "bin" / "python"
    uv = [sys.executable, "-m", "uv"]
    with lock.open() as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        if not _is_newer(stamp, lock):
            _install(
                [*uv, "venv", "--quiet", "--clear", "--python", sys.executable, ".venv"], folder
            )
            wanted = ["--quiet", "--require-hashes", "--python", str(python), "-r", lock.name]
            _install([*uv, "pip", "install", *wanted], folder)
            stamp.touch()
    return python


def node_in(folder: Path, how: tuple[str, ...] = ("ci",)) -> Path:
    """Install the packages that `folder/package-lock.json` pins. `how` contains options
    for npm.
    """
    lock, stamp = folder / "package-lock.json", folder / "node_modules" / ".installed"
    with lock.open() as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        if not _is_newer(stamp, lock):
            _install(
                ["npm", *how, "--ignore-scripts", "--no-audit", "--no-fund", "--silent"], folder
            )
            stamp.touch()
    return folder / "node_modules"


def _is_newer(stamp: Path, lock: Path) -> bool:
    return stamp.exists() and stamp.stat().st_mtime >= lock.stat().st_mtime


def _install(command: list[str], folder: Path) -> None:
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, timeout=INSTALL_SECONDS, check=False
    )
    assert done.returncode == 0, f"{' '.join(command)}: {done.stdout}{done.stderr}"


def environment(**variables: str) -> dict[str, str]:
    """Return the environment of a peer, without our settings and without the
    internet.
    """
    kept = {name: os.environ[name] for name in KEPT if name in os.environ}
    proxies = dict.fromkeys(("HTTPS_PROXY", "https_proxy"), NOWHERE)
    return kept | proxies | {"NODE_NO_WARNINGS": "1", "PYTHONDONTWRITEBYTECODE": "1"} | variables


def run(command: list[str], folder: Path, variables: dict[str, str], seconds: float = 600) -> str:
    """Run the command and return its output.

    Raises `AssertionError` with the whole output if the program fails.
    """
    done = subprocess.run(
        command,
        cwd=folder,
        env=variables,
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
    )
    assert done.returncode == 0, f"{' '.join(command)}: {done.stdout[-3000:]}{done.stderr[-6000:]}"
    return done.stdout
