"""The limits of calls to other services, for a call as a whole."""

import contextlib
import socket
import time

import httpx2
import pytest

from app.core import outbound

pytestmark = pytest.mark.only("sqlite")  # no database in it


@pytest.fixture
def full():
    """A port at which connecting hangs, because its listener's queue is full."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        for _ in range(4):
            waiting = stack.enter_context(socket.socket())
            waiting.settimeout(0)
            with contextlib.suppress(BlockingIOError):
                waiting.connect(listener.getsockname())
        yield listener.getsockname()[1]


def test_all_addresses_of_a_host_share_the_time_to_connect(full, monkeypatch):
    """A library gives each address the whole timeout, so three would take nine
    seconds.
    """
    one = (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", full))
    monkeypatch.setattr(
        socket,
        "getaddrinfo",
        lambda host, *_, **__: [one] * (10 if host == "service.example" else 1),
    )
    monkeypatch.setattr(outbound, "CONNECT_SECONDS", 0.5)
    with outbound.call_budget(60, 1000), outbound.http_client() as client:
        began = time.monotonic()
        with pytest.raises(httpx2.TransportError):
            client.get(f"http://service.example:{full}/")
    assert time.monotonic() - began < 0.5 * 10 - 1


def test_a_host_without_an_address_is_unreachable():
    with (
        outbound.call_budget(60, 1000),
        outbound.http_client() as client,
        pytest.raises(httpx2.TransportError),
    ):
        client.get("http://service.invalid/")
