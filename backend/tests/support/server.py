"""Runs the application in its own process, for tests that need a real server."""

import contextlib
import os
import secrets
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx2

from app.core.config import BACKEND

# The kernel gives higher ports to outgoing connections. If a test chose such a port,
# one of the tests' many connections could take the port before the server listens.
PORTS = range(12_000, 32_000)
START_SECONDS = 180  # one second on an idle machine, but a minute on a busy machine


@dataclass
class Server:
    """A running server.

    `url` has no slash at the end. `log` is the server's output so far.
    """

    url: str
    process: subprocess.Popen[bytes]
    file: Path

    @property
    def log(self) -> str:
        return self.file.read_text()

    def wait_until_ready(self) -> None:
        """Wait until the server has reached its database.

        Until then, it refuses all requests except health checks. On a busy machine, the
        first check of the database may be too slow.
        """
        _wait(self, "/health/ready")


def free_port() -> int:
    """Return a port on which nothing listens now."""
    while True:
        port = secrets.choice(PORTS)
        with contextlib.suppress(OSError), socket.socket() as probe:
            probe.bind(("127.0.0.1", port))
            return port


@contextlib.contextmanager
def running_server(*program: str, **variables: str) -> Iterator[Server]:
    """Run `python -m app.server`, or Python with other arguments, until the block ends.

    Yields the server when the server responds. The variables are added to the settings
    of the tests.
    """
    port = int(variables.pop("PORT", free_port()))
    with tempfile.NamedTemporaryFile(suffix=".log") as log:
        process = subprocess.Popen(
            [sys.executable, *(program or ("-m", "app.server"))],
            cwd=BACKEND,
            env={**os.environ, "PORT": str(port), **variables},
            stdout=log,
            stderr=log,
        )
        server = Server(f"http://127.0.0.1:{port}", process, Path(log.name))
        try:
            _wait(server, "/health/live")
            yield server
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _wait(server: Server, path: str) -> None:
    deadline = time.monotonic() + START_SECONDS
    with httpx2.Client() as client:
        while time.monotonic() < deadline:
            if server.process.poll() is not None:
                raise RuntimeError(f"the server ended:\n{server.log}")
            with contextlib.suppress(httpx2.TransportError):
                if client.get(f"{server.url}{path}").is_success:
                    return
            time.sleep(0.05)
    raise RuntimeError(f"the server did not answer in {START_SECONDS} s:\n{server.log}")
