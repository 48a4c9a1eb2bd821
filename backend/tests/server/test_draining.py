"""A server that is told to stop serves what has arrived, and ends in bounded time."""

import asyncio
import signal
import socket

import pytest
from uvicorn.config import Config

from app.server.connection import DRAIN_SECONDS, Connection
from app.server.crowd import Crowd, Limits
from app.server.draining import DrainingServer
from tests.server.talking import GET, HEAD, talk
from tests.support.server import free_port, running_server
from tests.support.smtp import wait_until

PROXY = "192.0.2.1"
pytestmark = pytest.mark.only("sqlite")


@pytest.mark.parametrize("before", [b"", GET], ids=["a new connection", "an idle connection"])
def test_a_proxy_may_begin_one_more_request(before):
    async def scene(server):
        server.go_on.set()
        client = server.connect(PROXY)
        client.send(before) if before else None
        await server.settle()
        client.connection.shutdown()
        await server.after(1)
        assert client.end is None
        client.pipe.written = b""
        client.send(GET)
        await server.settle()
        assert client.pipe.written.startswith(b"HTTP/1.1 200")
        assert b"connection: close" in client.pipe.written
        assert client.end == "closed"

    talk(scene, trusted=[PROXY])


@pytest.mark.parametrize("before", [b"", GET], ids=["a new connection", "an idle connection"])
def test_an_unused_connection_of_a_proxy_ends_soon(before):
    async def scene(server):
        server.go_on.set()
        client = server.connect(PROXY)
        client.send(before) if before else None
        await server.settle()
        client.connection.shutdown()
        await server.after(DRAIN_SECONDS)
        assert client.end is None
        await server.after(1)
        assert client.end == "closed"

    talk(scene, trusted=[PROXY])


def test_an_idle_connection_of_a_browser_ends_at_once():
    async def scene(server):
        server.go_on.set()
        client = server.connect()
        client.send(GET)
        await server.settle()
        client.connection.shutdown()
        assert client.end == "closed"

    talk(scene)


@pytest.mark.parametrize("host", [PROXY, "203.0.113.9"])
def test_a_request_in_progress_is_answered(host):
    async def scene(server):
        client = server.connect(host)
        client.send(GET)
        await server.settle()
        client.connection.shutdown()
        await server.after(DRAIN_SECONDS + 10)
        assert client.end is None
        server.go_on.set()
        await server.settle()
        assert b"connection: close" in client.pipe.written
        assert client.end == "closed"

    talk(scene, trusted=[PROXY])


async def _answer(_scope, _receive, send):
    await send({"type": "http.response.start", "status": 204, "headers": []})
    await send({"type": "http.response.body"})


def test_a_connection_that_was_not_accepted_yet_is_served():
    """The kernel has completed the connection and holds the request. The server has
    seen neither.
    """

    async def scene(listening):
        own = type("Own", (Connection,), {"crowd": Crowd(Limits(connections=10))})
        config = Config(_answer, http=own, ws="none", lifespan="off", log_config=None)
        config.load()
        server = DrainingServer(config)
        server.lifespan = config.lifespan_class(config)
        await server.startup([listening])
        client = socket.create_connection(listening.getsockname(), timeout=30)
        client.sendall(GET)
        await server.shutdown([listening])  # the event loop has not run since the client connected
        return client

    listening = socket.create_server(("127.0.0.1", 0))
    address = listening.getsockname()
    with asyncio.run(scene(listening)) as client:
        assert client.recv(4096).startswith(b"HTTP/1.1 204")
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(address)


def refuses(port):
    try:
        socket.create_connection(("127.0.0.1", port)).close()
    except ConnectionRefusedError:
        return True
    return False


@pytest.mark.slow
@pytest.mark.parametrize("processes", [1, 2])
def test_an_upload_in_progress_survives_sigterm(migrated, processes):
    port = free_port()
    settings = {"PORT": str(port), "WEB_CONCURRENCY": str(processes)}
    with (
        running_server(**settings) as server,
        socket.create_connection(("127.0.0.1", port), timeout=60) as client,
    ):
        client.sendall(HEAD.replace(b"/echo", b"/auth/verify-email") + b"\r\n" + b"x" * 3000)
        server.process.send_signal(signal.SIGTERM)
        wait_until(lambda: refuses(port), 60)
        client.sendall(b"x" * 3000)
        with client.makefile("rb") as answer:
            received = answer.read()
        assert received.startswith(b"HTTP/1.1 4")
        assert b"connection: close" in received
        server.process.wait(60)
