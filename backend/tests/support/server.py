"""The application as a process, for what only a real server shows."""

import contextlib
import os
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

START_SECONDS = 180  # a second where nothing else runs, a minute where much does


@dataclass
class Server:
    """A running server.

    `url` has no slash at the end, and `log` is what it has written.
    """

    url: str
    process: subprocess.Popen[bytes]
    file: Path

    @property
    def log(self) -> str:
        return self.file.read_text()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextlib.contextmanager
def running_server(*program: str, **variables: str) -> Iterator[Server]:
    """Run `python -m app.server`, or other arguments of Python, once it answers.

    These settings are added to the tests' own.
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
            _wait(server)
            yield server
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _wait(server: Server) -> None:
    deadline = time.monotonic() + START_SECONDS
    with httpx2.Client() as client:
        while time.monotonic() < deadline:
            if server.process.poll() is not None:
                raise RuntimeError(f"the server ended:\n{server.log}")
            with contextlib.suppress(httpx2.TransportError):
                if client.get(f"{server.url}/health/live").is_success:
                    return
            time.sleep(0.05)
    raise RuntimeError(f"the server did not answer in {START_SECONDS} s:\n{server.log}")
