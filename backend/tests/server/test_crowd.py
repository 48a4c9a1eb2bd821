"""When all places are taken, the server closes connections that keep it waiting.

No client can displace other clients.
"""

import asyncio
import logging
import resource

import pytest

from app.core.config import get_settings
from app.server import descriptors
from app.server.crowd import Limits
from tests.server.talking import HEAD, talk

GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
TEN = Limits(connections=10, check_seconds=1e6)


def test_one_client_cannot_push_out_another():
    async def scene(server):
        server.go_on.set()
        honest = [server.connect(f"198.51.100.{number}") for number in range(3)]
        crowd = [server.connect() for _ in range(50)]
        for client in honest:
            client.send(GET)
        await server.settle()
        assert [client.end for client in honest] == [None] * 3
        assert [client.end for client in crowd] == ["aborted"] * 45 + [None] * 5

    talk(scene, TEN)


def test_addresses_of_one_ipv6_network_are_one_client():
    async def scene(server):
        crowd = [server.connect(f"2001:db8::{number}") for number in range(50)]
        assert [client.end for client in crowd] == ["aborted"] * 45 + [None] * 5

    talk(scene, TEN)


def test_many_clients_get_all_places_and_the_newest_stay():
    async def scene(server):
        crowd = [server.connect(f"198.51.100.{number}") for number in range(50)]
        assert [client.end for client in crowd] == ["aborted"] * 40 + [None] * 10
        assert len(server.crowd) == 10

    talk(scene, TEN)


def test_a_trusted_proxy_gets_all_places():
    async def scene(server):
        crowd = [server.connect("10.0.0.7") for _ in range(50)]
        assert [client.end for client in crowd] == ["aborted"] * 40 + [None] * 10

    talk(scene, TEN, ["10.0.0.0/8"])


@pytest.mark.parametrize("sent", [b"", b"GET / HT", HEAD + b"\r\n"])
def test_those_that_were_never_of_use_go_first(sent):
    async def scene(server):
        server.go_on.set()
        kept_alive = [server.connect(f"198.51.100.{number}") for number in range(5)]
        for client in kept_alive:
            client.send(GET)
        await server.settle()
        crowd = [server.connect(f"203.0.113.{number}") for number in range(50)]
        for client in crowd[-5:]:
            client.send(sent) if sent else None
        assert [client.end for client in kept_alive] == [None] * 5
        late = server.connect("192.0.2.1")
        assert (crowd[-5].end, late.end) == ("aborted", None)

    talk(scene, TEN)


def test_of_idle_ones_the_one_that_was_of_use_last_goes_last():
    async def scene(server):
        server.go_on.set()
        idle = [server.connect(f"198.51.100.{number}") for number in range(10)]
        for client in (*idle, idle[0]):
            client.send(GET)
            await server.settle()
        server.connect("203.0.113.1")
        assert [client.end for client in idle] == [None, "aborted"] + [None] * 8

    talk(scene, TEN)


def test_requests_at_work_are_left_alone():
    async def scene(server):
        busy = [server.connect(f"198.51.100.{number}") for number in range(10)]
        for client in busy:
            client.send(GET)
        late = server.connect("203.0.113.1")
        assert late.end == "aborted"
        server.go_on.set()
        await server.settle()
        assert [client.end for client in busy] == [None] * 10
        assert server.connect("203.0.113.1").end is None

    talk(scene, TEN)


def test_a_client_that_does_not_read_makes_room():
    async def scene(server):
        busy = [server.connect(f"198.51.100.{number}") for number in range(10)]
        for client in busy:
            client.send(GET)
        busy[3].connection.pause_writing()
        assert server.connect("203.0.113.1").end is None
        assert busy[3].end == "aborted"

    talk(scene, TEN)


def test_a_place_is_free_again_when_its_client_has_gone():
    async def scene(server):
        for _ in range(50):
            client = server.connect()
            assert client.end is None
            client.connection.connection_lost(None)
        assert len(server.crowd) == 0

    talk(scene, TEN)


def test_a_full_server_says_so_once_a_minute(caplog):
    async def scene(server):
        for _ in range(50):
            server.connect()

    with caplog.at_level(logging.INFO):
        talk(scene, TEN)
    assert [record.msg["event"] for record in caplog.records if record.name == "app.server"] == [
        "connections_full"
    ]


def test_half_a_minute_in_which_we_were_busy_does_not_count(monkeypatch):
    """Clients seem silent in that time, but only because the server has not read what
    they sent.
    """

    async def scene(server):
        client, loop = server.connect(), asyncio.get_running_loop()
        late = loop.time() + 30
        monkeypatch.setattr(loop, "time", lambda: late)  # the crowd's timer runs as late as this
        await server.settle()
        assert server.crowd.now == 2
        assert client.end is None

    talk(scene, Limits(connections=10))


def test_the_kernel_gives_up_on_a_client_that_reads_nothing():
    async def scene(server):
        assert list(server.connect().pipe.options.values()) == [20_000]

    talk(scene)


@pytest.fixture
def open_files(monkeypatch):
    """`open_files(soft, hard)` sets what the operating system seems to allow.

    The call returns a list, which gets the limits that the application requests.
    """

    def allow(soft, hard):
        asked = []
        monkeypatch.setattr(resource, "getrlimit", lambda _: (soft, hard))
        monkeypatch.setattr(resource, "setrlimit", lambda _, limits: asked.append(limits))
        return asked

    return allow


@pytest.mark.parametrize(
    ("soft", "hard", "asked"),
    [
        (1024, 1_048_576, [(8192, 1_048_576)]),
        (256, 4096, [(4096, 4096)]),
        (256, -1, [(8192, -1)]),
        (256, 256, []),
        (65_536, 1_048_576, []),
        (-1, -1, []),
    ],
)
def test_the_limit_of_open_files_is_raised_to_what_is_allowed(open_files, soft, hard, asked):
    changes = open_files(soft, hard)
    descriptors.raise_limit()
    assert changes == asked


@pytest.mark.parametrize(
    ("limit", "allowed"), [(-1, 4096), (1_048_576, 4096), (1024, 869), (256, 101)]
)
def test_connections_leave_room_for_all_else(open_files, limit, allowed):
    """The database needs 3 files for each connection.

    Each thread needs one connection, and 40 more files are reserved.
    """
    open_files(limit, limit)
    settings = get_settings().model_copy(
        update={"database_pool_size": 15, "database_max_overflow": 5, "worker_threads": 40}
    )
    assert descriptors.connections_allowed(settings) == allowed
