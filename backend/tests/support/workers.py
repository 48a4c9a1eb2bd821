"""Runs workers as processes."""

import contextlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from app.core.config import BACKEND


@contextlib.contextmanager
def workers(
    number: int, *program: str
) -> Iterator[tuple[list[subprocess.Popen[bytes]], list[Path]]]:
    """Run this many processes of `python -m app.worker`, and yield the processes and
    their log files.

    The arguments `program` replace `-m app.worker`. When the block ends, all processes
    are killed.
    """
    with tempfile.TemporaryDirectory() as folder:
        logs = [Path(folder) / f"{n}.log" for n in range(number)]
        running: list[subprocess.Popen[bytes]] = []
        try:
            for log in logs:
                with log.open("wb") as file:
                    running.append(
                        subprocess.Popen(
                            [sys.executable, *(program or ("-m", "app.worker"))],
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
