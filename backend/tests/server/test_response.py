"""The heads of our responses are the same as uvicorn's."""

import asyncio
import logging
from types import SimpleNamespace
from typing import Any

import pytest
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from app.platform.envelope.response_headers import CAREFUL, HTTPS_ONLY
from app.server.response import LINES, Exchange

JSON = (b"content-type", b"application/json")
RESPONSES: list[tuple[str, bool, int, list[tuple[bytes, bytes]], bytes]] = [
    ("GET", True, 200, [JSON, (b"content-length", b"2"), *CAREFUL], b"{}"),
    ("GET", True, 200, [JSON, (b"Content-Length", b"2"), HTTPS_ONLY], b"{}"),
    ("GET", False, 200, [JSON, (b"content-length", b"2")], b"{}"),
    ("GET", True, 200, [JSON, (b"content-length", b"2"), (b"connection", b"Close")], b"{}"),
    ("GET", True, 200, [JSON, *CAREFUL], b"{}"),
    ("GET", True, 200, [JSON, (b"Transfer-Encoding", b"chunked")], b"{}"),
    ("HEAD", True, 200, [JSON, (b"content-length", b"2")], b""),
    ("HEAD", True, 200, [JSON], b""),
    ("DELETE", True, 204, [], b""),
    ("GET", True, 304, [(b"etag", b'"a"'), *CAREFUL], b""),
    ("GET", True, 404, [(b"X-Odd", b"a\tb"), (b"content-length", b"0")], b""),
]


class Transport:
    """Records what is written."""

    def __init__(self) -> None:
        self.written = b""
        self.is_closed = False

    def write(self, data: bytes) -> None:
        self.written += data

    def close(self) -> None:
        self.is_closed = True


def sent(
    kind: type[RequestResponseCycle], method: str, *messages: Any, alive: bool = True
) -> Transport:
    async def send() -> Transport:
        transport = Transport()
        cycle = kind(
            scope={"method": method},  # type: ignore[typeddict-item]
            transport=transport,  # type: ignore[arg-type]
            flow=SimpleNamespace(write_paused=False),  # type: ignore[arg-type]
            logger=logging.getLogger(),
            access_logger=logging.getLogger(),
            access_log=False,
            default_headers=[(b"date", b"today")],
            message_event=asyncio.Event(),
            expect_100_continue=False,
            keep_alive=alive,
            on_response=lambda: None,
        )
        for message in messages:
            await cycle.send(message)
        return transport

    return asyncio.run(send())


def parts(transport: Transport) -> tuple[Any, ...]:
    """Return the lines of the head in any order, the body, and whether it was the
    last.
    """
    head, _, body = transport.written.partition(b"\r\n\r\n")
    status, *lines = head.split(b"\r\n")
    return status, sorted(line.lower() for line in lines), body, transport.is_closed


@pytest.mark.parametrize(("method", "alive", "status", "headers", "body"), RESPONSES)
def test_a_response_is_the_same_as_uvicorns(method, alive, status, headers, body):
    start = {"type": "http.response.start", "status": status, "headers": headers}
    end = {"type": "http.response.body", "body": body}
    ours = sent(Exchange, method, start, end, alive=alive)
    assert parts(ours) == parts(sent(RequestResponseCycle, method, start, end, alive=alive))


@pytest.mark.parametrize("header", [(b"a b", b"c"), (b"a", b"b\r\nc: d"), (b"a", b"b\x00")])
def test_a_header_that_is_not_one_line_is_refused(header):
    start = {"type": "http.response.start", "status": 200, "headers": [header]}
    for kind in (Exchange, RequestResponseCycle):
        with pytest.raises(RuntimeError, match="Invalid HTTP header"):
            sent(kind, "GET", start)


def test_every_ready_line_is_one_line():
    assert all(line.count(b"\r\n") == 1 and line.endswith(b"\r\n") for line in LINES.values())
