"""A file that a worker touches while it is alive, for the health check of its
container.

The check is a process of its own, so this module imports little: an import of the
application would take it a second.
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
    """Record that this process is alive. A folder that is not writable is no reason to
    stop working.
    """
    with suppress(OSError):
        FILE.touch()


def check() -> int:
    """Return 0 if a worker of this machine, or of this container, has touched the file
    recently.

    Otherwise print the reason and return 1.
    """
    try:
        age = time.time() - FILE.stat().st_mtime
    except OSError as error:
        sys.stderr.write(f"No worker is running here: {error.strerror}: {FILE}\n")
        return 1
    if age > LATE_SECONDS:
        sys.stderr.write(f"The worker has not reported for {age:.0f} seconds.\n")
        return 1
    return 0
