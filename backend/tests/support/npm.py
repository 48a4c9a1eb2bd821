"""Packages for Node, for tests whose other end comes from npm."""

import fcntl
import subprocess
from pathlib import Path

from tests.support.services import program, required


def install(folder: Path) -> None:
    """What the folder's lock says, once for all workers and runs.

    Where Node is missing the test is skipped, unless REQUIRE_SERVICES asks for
    everything.
    """
    program("node")
    npm = program("npm")
    lock, stamp = folder / "package-lock.json", folder / "node_modules" / ".package-lock.json"
    with lock.open() as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        if not stamp.exists() or stamp.stat().st_mtime < lock.stat().st_mtime:
            options = ["--ignore-scripts", "--no-audit", "--no-fund", "--silent"]
            subprocess.run(
                [npm, "ci", *options], cwd=folder, check=True, capture_output=True, timeout=180
            )
            stamp.touch()


def unavailable(reason: str) -> None:
    """End the test: skipped, or failed where REQUIRE_SERVICES asks for everything."""
    required(None, reason)
