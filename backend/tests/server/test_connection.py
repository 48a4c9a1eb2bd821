"""A connection ends when its client keeps the server waiting.

It never ends while the server works.
"""

import json
import logging

import pytest

from app.server.connection import PIPELINED
from tests.server.talking import HEAD, talk

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


@pytest.mark.parametrize("sent", SILENT.values(), ids=SILENT)
def test_a_client_that_falls_silent_is_closed_in_20_s(sent):
    async def scene(server):
        client = server.connect()
        client.send(sent) if sent else None
        await server.after(20)
        assert not client.end
        await server.after(1)
        assert client.end == "closed"
        assert client.pipe.written[:13] == (
            b"HTTP/1.1 408 " if sent else b""
        )  # a browser may connect in advance

    talk(scene)


@pytest.mark.parametrize("sent", SILENT.values(), ids=SILENT)
def test_an_answer_before_it_gives_no_more_time(sent):
    """This holds even if the request began in the same packet as the previous one.

    In that case, uvicorn counts the client as idle.
    """

    async def scene(server):
        server.go_on.set()
        client = server.connect()
        client.send(GET + sent)
        await server.after(21 if sent.strip() else 76)
        assert client.pipe.written.startswith(b"HTTP/1.1 200")
        assert client.end == "closed"

    talk(scene)


def test_a_connection_is_kept_alive_75_s_after_an_answer():
    async def scene(server):
        server.go_on.set()
        client = server.connect()
        await server.after(15)
        client.send(GET)
        await server.after(75)
        assert client.end is None
        client.send(GET)
        await server.after(75)
        assert client.end is None
        await server.after(1)
        assert client.end == "closed"

    talk(scene)


@pytest.mark.parametrize("piece", [b"x", b"x" * 100])
def test_a_body_below_500_bytes_a_second_is_closed(piece):
    async def scene(server):
        client = server.connect()
        client.send(HEAD + b"\r\n")
        for second in range(30):
            if second % 5 == 0 and client.end is None:
                client.send(piece)
            await server.after(1)
        assert client.end == "closed"

    talk(scene)


@pytest.mark.parametrize(("every", "size"), [(1, 500), (15, 7500)])
def test_a_body_of_500_bytes_a_second_is_read(every, size):
    async def scene(server):
        server.go_on.set()
        client = server.connect()
        client.send(HEAD.replace(b"6000", b"60000") + b"\r\n")
        for _ in range(60_000 // size):
            await server.after(every)
            assert client.end is None
            client.send(b"x" * size)
        await server.settle()
        assert client.pipe.written.startswith(b"HTTP/1.1 200")

    talk(scene)


def test_a_large_piece_earns_no_more_than_20_s():
    async def scene(server):
        client = server.connect()
        client.send(HEAD.replace(b"6000", b"600000") + b"\r\n" + b"x" * 500_000)
        await server.after(21)
        assert client.end == "closed"

    talk(scene)


def test_what_is_no_body_earns_no_time():
    """The extension of a chunk can go on forever."""

    async def scene(server):
        client = server.connect()
        client.send(b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5;a=")
        for _ in range(21):
            client.send(b"x" * 1000)
            await server.after(1)
        assert client.end == "closed"

    talk(scene)


def test_a_handler_may_work_as_long_as_it_likes():
    async def scene(server):
        client, pipelined = server.connect(), server.connect()
        client.send(GET)
        pipelined.send(GET + b"GET / HT")
        await server.after(300)
        assert (client.end, pipelined.end) == (None, None)
        server.go_on.set()
        await server.settle()
        assert client.pipe.written.startswith(b"HTTP/1.1 200")
        assert pipelined.pipe.written.startswith(b"HTTP/1.1 200")
        await server.after(21)
        assert (client.end, pipelined.end) == (None, "closed")

    talk(scene)


@pytest.mark.parametrize(
    "sent", [HEAD + b"Expect: 100-continue\r\n\r\n", HEAD + b"\r\n" + b"x" * 5000]
)
def test_a_client_that_we_keep_waiting_is_not_blamed(sent):
    """The client waits for a 100 response, or we have stopped reading because the
    handler has not taken what came before.
    """

    async def scene(server):
        server.reads = False
        client = server.connect()
        client.send(sent.replace(b"6000", b"600000"))
        client.send(b"x" * 100_000) if b"Expect" not in sent else None
        await server.after(300)
        assert client.end is None
        server.go_on.set()
        await server.after(21)
        assert client.end == "closed"

    talk(scene)


def test_expect_100_is_answered_and_then_the_body_is_due():
    async def scene(server):
        client = server.connect()
        client.send(HEAD + b"Expect: 100-continue\r\n\r\n")
        await server.after(20)
        assert client.pipe.written == b"HTTP/1.1 100 Continue\r\n\r\n"
        await server.after(1)
        assert client.end == "closed"

    talk(scene)


def test_a_client_that_does_not_read_is_cut_off():
    async def scene(server):
        server.go_on.set()
        client = server.connect()
        client.send(GET)
        client.pipe.unread = 80_000
        client.connection.pause_writing()
        client.send(GET)
        await server.after(21)
        assert client.end == "aborted"

    talk(scene)


@pytest.mark.parametrize(("rate", "end"), [(600, None), (100, "aborted")])
def test_a_slow_reader_has_to_read_500_bytes_a_second(rate, end):
    async def scene(server):
        server.go_on.set()
        client = server.connect()
        client.send(GET)
        client.pipe.unread = 60_000
        for _ in range(60):
            client.pipe.unread -= rate
            await server.after(1)
        assert client.end == end

    talk(scene)


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
        await server.after(1)  # in which it still reads, so that the client sees the answer
        assert not client.end
        client.send(b"x" * 64_000)
        await server.after(1)
        assert client.end == "closed"
        assert client.pipe.written.count(b"HTTP/1.1") == 1

    talk(scene)


def test_a_trailer_is_no_header():
    """A proxy in front checks the headers, and may forward trailers unchecked, such as
    an X-Forwarded-For.
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
    """Each is kept whole until its turn comes. 250 kB of the shortest requests took 30
    MB for as long as the client did not read.
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


@pytest.mark.parametrize(
    "sent",
    [
        b"\x16\x03\x01\x02\x00",
        GET.replace(b"\r\n\r\n", b"\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"),
    ],
)
def test_what_a_client_sends_is_never_a_warning(sent, caplog):
    async def scene(server):
        server.go_on.set()
        server.connect().send(sent)
        await server.settle()

    with caplog.at_level(logging.INFO):
        talk(scene)
    assert caplog.records
    assert {record.levelname for record in caplog.records} == {"INFO"}


@pytest.mark.parametrize("requests", [1, 2, 5])
@pytest.mark.parametrize("reading", [True, False])
def test_a_client_that_goes_away_is_no_error(requests, reading, caplog):
    """The client leaves amid several pipelined requests, or while it does not read."""

    async def scene(server):
        client = server.connect()
        client.send(GET * requests)
        if not reading:
            client.connection.pause_writing()
        server.go_on.set() if not reading else None
        await server.settle()
        client.go_away()
        server.go_on.set()
        await server.settle()
        assert not server.state.tasks

    with caplog.at_level(logging.INFO):
        talk(scene)
    assert [record.getMessage() for record in caplog.records] == []
