"""A file that a worker touches while it lives, for the health check of its container.

The check is a process of its own, so this module stays light: every import of the application costs it a second.
"""

import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

BEAT_SECONDS = 10.0
LATE_SECONDS = 45.0
FILE = Path(tempfile.gettempdir()) / "liftoff-worker"


def beat() -> None:
    """Say that this process lives. A folder that cannot be written to is no reason to stop working."""
    with suppress(OSError):
        FILE.touch()


def check() -> int:
    """0 if a worker of this machine, or of this container, has just touched the file; else 1, and a word why."""
    try:
        age = time.time() - FILE.stat().st_mtime
    except OSError as error:
        sys.stderr.write(f"No worker lives here: {error.strerror} {FILE}\n")
        return 1
    if age > LATE_SECONDS:
        sys.stderr.write(f"The worker has been silent for {age:.0f} seconds.\n")
        return 1
    return 0
