"""Runs `make dev` in a copy of the project. Waits until `make dev` prints "Liftoff is
up", and ends it afterwards.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.server import START_SECONDS, free_port
from tests.support.trees import SETTINGS, Tree


@dataclass
class Development:
    """A running `make dev`: the URLs of the `api` and of the simulator, and the log
    `file`.
    """

    api: str
    stripe: str
    tree: Tree
    file: Path
    process: subprocess.Popen[bytes]

    @property
    def log(self) -> str:
        return self.file.read_text()


def until(condition: Callable[[], object], seconds: float = START_SECONDS) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.1)


@contextmanager
def development(folder: Path, **variables: str) -> Iterator[Development]:
    """Run `make dev` with a developer's settings and these `variables`.

    An empty value removes a variable. The environment of this test run is not used.
    """
    tree = Tree(folder / "clone")
    ports = {"PORT": str(free_port()), "SIMULATOR_PORT": str(free_port())}
    own = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME")}
    given = {name: value for name, value in {**SETTINGS, **ports, **variables}.items() if value}
    log = folder / "dev.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "tools.dev"],
            cwd=tree.backend,
            env=own | given,
            stdout=output,
            stderr=output,
        )
    running = Development(
        f"http://localhost:{ports['PORT']}",
        f"http://127.0.0.1:{ports['SIMULATOR_PORT']}",
        tree,
        log,
        process,
    )
    try:
        until(lambda: "Liftoff is up" in running.log or process.poll() is not None)
        assert process.poll() is None, running.log
        yield running
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)
