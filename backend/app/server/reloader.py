"""Reloader for `--reload`: replaces the serving process whenever a file has changed.

uvicorn's own reloader starts the serving process first. It begins to watch the files a
quarter of a second later, or even later on a busy machine. A file that is saved during
this time never causes a reload. uvicorn watches files with watchfiles, which can also
lose an event that arrives while earlier events are delivered (`src/lib.rs`, `watch`).

This reloader does not wait for events. It records the state of every file before it
starts the serving process. It then compares the files four times a second, which takes
0.7 ms each time.

When the application cannot be imported, uvicorn's serving process exits, and browsers
wait forever. Here, `reloaded` responds with the error.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from socket import socket
from threading import Event

from app.core.config import BACKEND
from app.core.logging import get_logger

WATCHED = BACKEND / "app"
LOOK_SECONDS = 0.25
SETTLE_SECONDS = 0.05  # after a change, because some editors save several files together
END_SECONDS = 8  # between SIGTERM and SIGKILL

Code = dict[str, tuple[int, int, int]]

log = get_logger("app.server")


def run(sockets: list[socket]) -> None:
    """Serve until SIGINT or SIGTERM, with a new process after each code change."""
    stop = Event()
    for ending in (signal.SIGINT, signal.SIGTERM):
        signal.signal(ending, lambda *_: stop.set())
    code = code_in(WATCHED)
    server = _start(sockets)
    ended = False
    while not stop.wait(LOOK_SECONDS):
        if (now := code_in(WATCHED)) != code:
            while not stop.wait(SETTLE_SECONDS) and (later := code_in(WATCHED)) != now:
                now = later
            log.warning("reloading", changed=changed(code, now))
            _end(server)
            code, ended = now, False
            server = _start(sockets)
        elif server.poll() is not None and not ended:
            ended = True
            log.error(
                "server_ended",
                exit_code=server.returncode,
                message="The server starts again after the next change to a file.",
            )
    _end(server)


def code_in(folder: Path) -> Code:
    """Return the state of every Python file in the folder.

    The state changes when a file is saved, replaced or touched.
    """
    return {entry.path: _state(entry) for entry in _files(str(folder))}


def changed(before: Code, after: Code) -> list[str]:
    """Return the files that differ, relative to `backend`."""
    paths = sorted(path for path in {*before, *after} if before.get(path) != after.get(path))
    return [os.path.relpath(path, BACKEND) for path in paths]


def _files(folder: str) -> Iterator[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.name.startswith((".", "__pycache__")):
                    continue
                if entry.is_dir():
                    yield from _files(entry.path)
                elif entry.name.endswith(".py"):
                    yield entry
    except OSError:  # the folder was removed, or is not readable
        return


def _state(entry: os.DirEntry[str]) -> tuple[int, int, int]:
    try:
        found = entry.stat()
    except OSError:  # the file was removed after it was listed
        return (0, 0, 0)
    return found.st_mtime_ns, found.st_size, found.st_ino


def _start(sockets: list[socket]) -> subprocess.Popen[bytes]:
    """Start the serving process as a separate program, which inherits the sockets."""
    inherited = [one.fileno() for one in sockets]
    command = [sys.executable, "-m", "app.server.reloaded", *map(str, inherited)]
    return subprocess.Popen(command, pass_fds=inherited)


def _end(server: subprocess.Popen[bytes]) -> None:
    server.terminate()
    try:
        server.wait(END_SECONDS)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()
