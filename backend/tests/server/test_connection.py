"""A connection ends when its client keeps the server waiting.

A connection never ends while the server works on its request.
"""

import logging

import pytest

from tests.server.talking import GET, HEAD, SILENT, talk


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
    """The client gets no more time, even if the slow request began in the same packet
    as the previous request.

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
    """An example is the extension of a chunk, which can go on forever."""

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
    handler has not read the previous data.
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
    """The client disconnects in the middle of several pipelined requests, or while it
    does not read.
    """

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
