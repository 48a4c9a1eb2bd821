"""The heartbeat file, which a worker touches while it is alive.

The health check of the worker's container reads this file. The check is a separate
process, so this module imports little. Importing the application would take a second.
"""

import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

BEAT_SECONDS = 10.0
LATE_SECONDS = 45.0
FILE = Path(tempfile.gettempdir()) / "liftoff-worker"


def record_heartbeat() -> None:
    """Record that this process is alive.

    The worker continues even if the folder is not writable.
    """
    with suppress(OSError):
        FILE.touch()


def check_heartbeat() -> int:
    """Return 0 if a worker on this machine or in this container is alive.

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
