"""A server that accepts connections but never responds, as if its processes were
stopped.

The server's kernel still acknowledges packets.
"""

import contextlib
import socket
import threading
from collections.abc import Iterator

from sqlalchemy import URL

PORTS = {"postgresql": 5432, "mysql": 3306}


class Freezer:
    """A relay that can be frozen. The relay forwards to a real server, or to no
    server.
    """

    def __init__(self, upstream: tuple[str, int] | str | None = None) -> None:
        self.connections = 0
        self.messages = 0  # the number of messages that clients have sent
        self._upstream = upstream
        self._flowing = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=200)
        self.port: int = self._listener.getsockname()[1]
        if upstream:
            self.thaw()
        self._start(self._accept)

    def freeze(self) -> None:
        self._flowing.clear()

    def thaw(self) -> None:
        self._flowing.set()

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)  # this wakes `accept`
        self._listener.close()
        self._upstream = None
        self.thaw()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                self.connections += 1
                self._start(self._serve, client)

    def _serve(self, client: socket.socket) -> None:
        with client:
            self._flowing.wait()
            if not self._upstream:
                return
            with _connect(self._upstream) as server:
                back = self._start(self._pump, server, client)
                self._pump(client, server, counted=1)
                back.join()

    def _pump(self, source: socket.socket, sink: socket.socket, counted: int = 0) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65_536):
                self.messages += counted
                self._flowing.wait()
                sink.sendall(data)
        with contextlib.suppress(OSError):
            sink.shutdown(socket.SHUT_RDWR)

    def _start(self, target: object, *args: object) -> threading.Thread:
        thread = threading.Thread(target=target, args=args, daemon=True)  # type: ignore[arg-type]
        thread.start()
        return thread


def _connect(upstream: tuple[str, int] | str) -> socket.socket:
    if not isinstance(upstream, str):
        return socket.create_connection(upstream)
    own = socket.socket(socket.AF_UNIX)
    own.connect(upstream)
    return own


@contextlib.contextmanager
def freezer(upstream: tuple[str, int] | str | None = None) -> Iterator[Freezer]:
    """Run a freezer. Without an upstream server, the freezer never responds."""
    own = Freezer(upstream)
    try:
        yield own
    finally:
        own.close()


def through(url: URL, own: Freezer) -> URL:
    """Return the URL of the same database, but through the freezer."""
    query = {name: value for name, value in url.query.items() if name != "host"}
    return url.set(host="127.0.0.1", port=own.port, query=query)


def place_of(url: URL) -> tuple[str, int] | str:
    """Return the address of a database server, which may be a socket in a folder."""
    port = url.port or PORTS[url.get_backend_name()]
    folder = url.query.get("host")
    return f"{folder}/.s.PGSQL.{port}" if folder else (url.host or "127.0.0.1", port)
