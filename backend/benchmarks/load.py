"""A client that keeps several connections busy, and itself uses little CPU time."""

import asyncio
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import cast
from urllib.parse import urlsplit

import uvloop

CONNECTIONS = 16
LAST_SECONDS = 60  # how long to wait for the last responses
_numbers = count(1)


@dataclass(frozen=True)
class Job:
    """A kind of request: its path, its user, and the expected response."""

    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    creates: bool = False
    status: int = 200

    def request(self) -> bytes:
        address = urlsplit(self.url)
        method, body = "GET", b""
        headers = {"Host": "localhost", **self.headers}
        if self.creates:
            method = "POST"
            title = f"Speed {time.time_ns()} {next(_numbers)}"
            post = {"title": title, "content": "Hello world " * 20, "is_published": True}
            body = json.dumps(post).encode()
            headers |= {"Content-Type": "application/json", "Content-Length": str(len(body))}
        target = address.path + (f"?{address.query}" if address.query else "")
        head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        return f"{method} {target} HTTP/1.1\r\n{head}\r\n".encode() + body


@dataclass
class Measured:
    """The response times of one round of one job, in seconds."""

    seconds: float
    times: list[float] = field(default_factory=list)

    @property
    def rate(self) -> float:
        return len(self.times) / self.seconds


class UnexpectedResponse(RuntimeError):
    """A server refused a request of the benchmark, so the measured speed is
    meaningless.
    """


class Connection(asyncio.Protocol):
    """Sends a request as soon as the response to the previous request is complete."""

    def __init__(self, job: Job, measured: Measured, ended: asyncio.Future[None]) -> None:
        self.job = job
        self.measured = measured
        self.ended = ended
        self.fixed = None if job.creates else job.request()
        self.received = b""
        self.sent = 0.0
        self.stops = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self.ask()

    def ask(self) -> None:
        self.sent = time.perf_counter()
        self.transport.write(self.fixed or self.job.request())

    def data_received(self, data: bytes) -> None:
        self.received += data
        head, end, body = self.received.partition(b"\r\n\r\n")
        if not end or len(body) < _length(head):
            return
        status = int(head[9:12])
        if status != self.job.status:
            text = self.received[:600].decode(errors="replace")
            self.close(UnexpectedResponse(f"{self.job.url} answered {text}"))
            return
        self.measured.times.append(time.perf_counter() - self.sent)
        self.received = b""
        if self.stops:
            self.close()
        else:
            self.ask()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.ended.done():
            self.ended.set_exception(exc or ConnectionError("the server closed the connection"))

    def close(self, error: Exception | None = None) -> None:
        if not self.ended.done():
            if error:
                self.ended.set_exception(error)
            else:
                self.ended.set_result(None)
        self.transport.close()


def _length(head: bytes) -> int:
    """Return the length of the body. A 304 has no body, even if it has a
    Content-Length.
    """
    if head[9:12] == b"304":
        return 0
    _, _, rest = head.lower().partition(b"content-length:")
    return int(rest.split(b"\r\n", 1)[0] or 0)


async def _keep_busy(job: Job, seconds: float, connections: int) -> Measured:
    loop = asyncio.get_running_loop()
    measured = Measured(seconds)
    address = urlsplit(job.url)
    clients = []
    began = time.perf_counter()
    for _ in range(connections):
        ended: asyncio.Future[None] = loop.create_future()
        _, client = await loop.create_connection(
            lambda ended=ended: Connection(job, measured, ended),  # type: ignore[misc]
            address.hostname or "",
            address.port or 80,
        )
        clients.append(client)
    done, _ = await asyncio.wait(
        [client.ended for client in clients], timeout=seconds, return_when="FIRST_EXCEPTION"
    )
    for one in done:
        one.result()
    for client in clients:
        client.stops = True
    await asyncio.wait_for(asyncio.gather(*(client.ended for client in clients)), LAST_SECONDS)
    measured.seconds = time.perf_counter() - began
    return measured


def measure(job: Job, seconds: float, connections: int = CONNECTIONS) -> Measured:
    """Keep the connections busy for `seconds`, and wait for the last responses.

    Raises `UnexpectedResponse` for a response with another status.
    """
    return uvloop.run(_keep_busy(job, seconds, connections))
