"""`--reload`: a process that looks at the code, and another one that serves, replaced whenever a file has changed.

uvicorn's own reloader starts that process first and begins to watch a quarter of a second later, or whenever a busy
machine comes to it: what is saved in between never arrives. Later, too, watchfiles drops what arrives between its
copying a batch of changes and its emptying the batch (`src/lib.rs`, `watch`). So here nothing waits for events. What
the files are is noted before the process starts that reads them, and compared four times a second (0.7 ms each).

And uvicorn's process simply ends when the application cannot be imported, so that a browser waits for ever; `reloaded`
answers with what is wrong.
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
SETTLE_SECONDS = 0.05  # an editor that saves several files is waited for
END_SECONDS = 8  # from asking the process to end until it is killed

Code = dict[str, tuple[int, int, int]]

log = get_logger("app.server")


def run(sockets: list[socket]) -> None:
    """Serve, and begin again whenever the code has changed, until SIGINT or SIGTERM."""
    stop = Event()
    for ending in (signal.SIGINT, signal.SIGTERM):
        signal.signal(ending, lambda *_: stop.set())
    code = look(WATCHED)
    server = _start(sockets)
    ended = False
    while not stop.wait(LOOK_SECONDS):
        if (now := look(WATCHED)) != code:
            while not stop.wait(SETTLE_SECONDS) and (later := look(WATCHED)) != now:
                now = later
            log.warning("reloading", changed=changed(code, now))
            _end(server)
            code, ended = now, False
            server = _start(sockets)
        elif server.poll() is not None and not ended:
            ended = True
            log.error("server_ended", exit_code=server.returncode, message="The next change of a file starts it again.")
    _end(server)


def look(folder: Path) -> Code:
    """Every Python file below it, with what changes when one is saved, replaced or touched."""
    return {entry.path: _state(entry) for entry in _files(str(folder))}


def changed(before: Code, after: Code) -> list[str]:
    """The files that differ, as a developer names them."""
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
    except OSError:  # it was removed, or may not be read
        return


def _state(entry: os.DirEntry[str]) -> tuple[int, int, int]:
    try:
        found = entry.stat()
    except OSError:  # removed since it was listed
        return (0, 0, 0)
    return found.st_mtime_ns, found.st_size, found.st_ino


def _start(sockets: list[socket]) -> subprocess.Popen[bytes]:
    """A program of its own, not a fork: it imports everything anew. It inherits the sockets."""
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
