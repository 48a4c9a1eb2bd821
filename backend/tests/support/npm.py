"""Node packages, for tests that need a program from npm."""

import fcntl
import subprocess
from pathlib import Path

from tests.support.services import program, required


def install(folder: Path) -> None:
    """Install the packages in the folder's lock file, once for all workers and runs.

    Without Node the test is skipped, unless REQUIRE_SERVICES requires everything.
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
    """Skip the test, or fail it if REQUIRE_SERVICES requires everything."""
    required(None, reason)
