"""The child processes of `make dev`.

The child processes belong to the process group of `make dev`, and end together.
"""

import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn, Self

import psutil

BACKEND = Path(__file__).resolve().parents[1]
GRACE = 8  # seconds between SIGTERM and SIGKILL


class Ended(Exception):
    """A child process has ended.

    `code` is its exit code, as a shell would report it.
    """

    def __init__(self, code: int) -> None:
        super().__init__()
        self.code = code


class Children:
    def __init__(self) -> None:
        self._programs: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, module: str, *arguments: str) -> None:
        self._programs[module] = subprocess.Popen(
            [sys.executable, "-m", module, *arguments], cwd=BACKEND
        )

    def require_all(self) -> None:
        """Raise `Ended` if one of the child processes has ended."""
        for module, program in self._programs.items():
            if (code := program.poll()) is not None:
                print(
                    f"{module} has ended with exit code {code}. Everything else ends, too.",
                    flush=True,
                )
                raise Ended(code if code >= 0 else 128 - code)

    def wait(self, meanwhile: Callable[[], None] = lambda: None) -> NoReturn:
        """Wait until one of the child processes ends, then raise `Ended`."""
        while True:
            self.require_all()
            meanwhile()
            time.sleep(0.2)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for impatience in (signal.SIGINT, signal.SIGTERM):
            signal.signal(
                impatience, signal.SIG_IGN
            )  # the processes are already ending, within `GRACE` seconds
        everyone = [process for program in self._programs.values() for process in tree(program)]
        for program in self._programs.values():
            program.terminate()
        for process in psutil.wait_procs(everyone, timeout=GRACE)[1]:
            process.kill()


def tree(program: subprocess.Popen[bytes]) -> list[psutil.Process]:
    """Return the process and its descendants.

    A server with reload consists of a watcher and a worker, and the watcher may end
    first.
    """
    try:
        head = psutil.Process(program.pid)
        return [head, *head.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []
