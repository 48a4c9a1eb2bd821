"""Heads, trailers and pipelined requests are bounded."""

import json

import pytest

from app.server.connection import PIPELINED
from tests.server.talking import GET, HEAD, SILENT, talk


@pytest.mark.parametrize(
    "start", [b"GET / HTTP/1.1\r\nX: ", HEAD.replace(b"Content-Length: 6000", b"X: ")]
)
def test_a_head_without_end_is_refused_and_not_kept(start):
    async def scene(server):
        client = server.connect()
        client.send(start)
        for _ in range(5):
            client.send(b"x" * 64_000)
        head, _, body = client.pipe.written.partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 431 ")
        assert json.loads(body)["code"] == "headers_too_large"
        await server.after(1)  # the server still reads, so that the client sees the response
        assert not client.end
        client.send(b"x" * 64_000)
        await server.after(1)
        assert client.end == "closed"
        assert client.pipe.written.count(b"HTTP/1.1") == 1

    talk(scene)


def test_a_trailer_is_no_header():
    """A proxy in front of the server checks the headers. But it may forward trailers
    unchecked, such as an X-Forwarded-For.
    """

    async def scene(server):
        client = server.connect()
        client.send(SILENT["no last chunk"] + b"0\r\nX-Forwarded-For: 192.0.2.1\r\nHost: y\r\n\r\n")
        await server.settle()
        (scope,) = server.scopes
        assert [name for name, _ in scope["headers"]] == [b"host", b"transfer-encoding"]

    talk(scene)


def test_a_trailer_without_end_is_refused():
    async def scene(server):
        client = server.connect()
        client.send(SILENT["half a trailer"])
        for _ in range(5):
            client.send(b"x" * 64_000)
        assert client.end == "aborted"

    talk(scene)


@pytest.mark.parametrize(
    ("requests", "end"), [(PIPELINED, None), (PIPELINED + 1, "aborted"), (10_000, "aborted")]
)
def test_requests_that_wait_for_each_other_are_bounded(requests, end):
    """The server stores each request completely until its turn. Without a bound, 250 kB
    of the shortest requests took 30 MB while the client did not read.
    """

    async def scene(server):
        client = server.connect()
        client.send(GET * requests)
        assert client.connection.pending <= PIPELINED
        assert (client.end, client.pipe.written) == (end, b"")

    talk(scene)


@pytest.mark.parametrize(("headers", "end"), [(700, None), (1_000, "aborted")])
def test_queued_heads_together_take_no_more_than_one_may(headers, end):
    """A header takes far more memory than its bytes. 190 kB of requests with 1,500
    headers each took 1.4 MB.
    """

    async def scene(server):
        client = server.connect()
        client.send(GET.replace(b"\r\n\r\n", b"\r\n" + b"a:\r\n" * headers + b"\r\n") * 2)
        assert client.end == end

    talk(scene)


def test_nonsense_behind_a_request_is_not_answered_in_its_place():
    async def scene(server):
        client = server.connect()
        client.send(GET)
        client.send(b"nonsense\r\n\r\n")
        assert (client.end, client.pipe.written) == ("aborted", b"")

    talk(scene)
