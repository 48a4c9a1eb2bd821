"""Workers as processes of their own."""

import contextlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from app.core.config import BACKEND


@contextlib.contextmanager
def workers(number: int) -> Iterator[tuple[list[subprocess.Popen[bytes]], list[Path]]]:
    """So many `python -m app.worker`, and the files that they log to; what is left of
    them is killed.
    """
    with tempfile.TemporaryDirectory() as folder:
        logs = [Path(folder) / f"{n}.log" for n in range(number)]
        running: list[subprocess.Popen[bytes]] = []
        try:
            for log in logs:
                with log.open("wb") as file:
                    running.append(
                        subprocess.Popen(
                            [sys.executable, "-m", "app.worker"],
                            cwd=BACKEND,
                            env=os.environ,
                            stdout=file,
                            stderr=file,
                        )
                    )
            yield running, logs
        finally:
            for process in running:
                process.kill()
                process.wait()
