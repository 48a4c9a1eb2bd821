"""A connection of the server without a socket, and with a clock that the test moves.

The test decides what happens.
"""

import asyncio
from collections.abc import Callable
from typing import Any

from uvicorn.config import Config
from uvicorn.server import ServerState

from app.server.connection import Connection
from app.server.crowd import Crowd, Limits

HEAD = b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 6000\r\n"
GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
SILENT = {
    "nothing": b"",
    "a line break": b"\r\n",
    "half a request line": b"GET / HT",
    "half a head": b"GET / HTTP/1.1\r\nHost: x\r\n",
    "no body": HEAD + b"\r\n",
    "half a body": HEAD + b"\r\n" + b"x" * 3000,
    "half a chunk": b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
    "no last chunk": b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n",
    "half a trailer": b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nA: ",
}


class Pipe(asyncio.Transport):
    """The socket and the transport of a connection, which record what is written."""

    def __init__(self, host: str) -> None:
        super().__init__({"socket": self})
        self.host = host
        self.options: dict[int, int] = {}
        self.written = b""
        self.unread = 0
        self.end: str | None = None
        self.paused = False

    def getpeername(self) -> tuple[str, int]:
        return self.host, 50_000

    def getsockname(self) -> tuple[str, int]:
        return "127.0.0.1", 8000

    def setsockopt(self, _level: int, option: int, value: int) -> None:
        self.options[option] = value

    def write(self, data: Any) -> None:
        if self.end == "lost":
            raise RuntimeError("the handler is closed")  # uvloop raises this, too
        self.written += data

    def get_write_buffer_size(self) -> int:
        return self.unread

    def pause_reading(self) -> None:
        self.paused = True

    def resume_reading(self) -> None:
        self.paused = False

    def is_closing(self) -> bool:
        return self.end is not None

    def close(self) -> None:
        self.end = self.end or "closed"

    def abort(self) -> None:
        self.end = "aborted"


class Server:
    """An application that responds when a test tells it to, and the server's set of
    connections (the crowd) with a clock that tests move.
    """

    def __init__(self, limits: Limits, trusted: list[str] | None = None) -> None:
        self.crowd = Crowd(limits, trusted or [])
        self.state = ServerState()
        self.go_on = asyncio.Event()
        self.reads = True
        self.scopes: list[Any] = []
        self.clients: list[Client] = []
        self.config = Config(
            self._answer,
            interface="asgi3",
            ws="none",
            log_config=None,
            timeout_keep_alive=75,
            proxy_headers=False,
        )
        self.config.load()
        self.kind = type("Kind", (Connection,), {"crowd": self.crowd})

    async def _answer(
        self, scope: Any, receive: Callable[..., Any], send: Callable[..., Any]
    ) -> None:
        self.scopes.append(scope)
        while self.reads and (await receive()).get("more_body"):
            pass
        await self.go_on.wait()
        await send(
            {"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]}
        )
        await send({"type": "http.response.body", "body": b"ok"})

    def connect(self, host: str = "203.0.113.9") -> "Client":
        self.clients.append(Client(self, host))
        return self.clients[-1]

    async def settle(self) -> None:
        """Let the application run until it has to wait."""
        for _ in range(10):
            await asyncio.sleep(0)

    async def after(self, seconds: float) -> None:
        """Move the clock. After each second, the server checks its connections."""
        await self.settle()
        for _ in range(round(seconds)):
            self.crowd.now += 1
            for one in self.crowd.members():
                one.require_progress()
            await self.settle()


class Client:
    def __init__(self, server: Server, host: str) -> None:
        self.pipe = Pipe(host)
        self.connection = server.kind(config=server.config, server_state=server.state, app_state={})
        self.connection.connection_made(self.pipe)

    def send(self, data: bytes) -> None:
        self.connection.data_received(data)

    def go_away(self) -> None:
        self.pipe.end = "lost"
        self.connection.connection_lost(ConnectionResetError())

    @property
    def end(self) -> str | None:
        return self.pipe.end


def talk(
    scene: Callable[[Server], Any], limits: Limits | None = None, trusted: list[str] | None = None
) -> None:
    """Run a scene with a new server."""

    async def play() -> None:
        server = Server(limits or Limits(connections=100, check_seconds=1e6), trusted)
        try:
            await scene(server)
        finally:
            # This also runs if the scene has failed, because an application that waits
            # for a client would never end.
            for client in server.clients:
                client.go_away()
            server.go_on.set()
            await server.settle()

    asyncio.run(play())
