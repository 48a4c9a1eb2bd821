"""The time limit of a call to another service applies to the whole call."""

import contextlib
import socket
import time

import httpx2
import pytest

from app.core import outbound

pytestmark = pytest.mark.only("sqlite")  # these tests use no database


@pytest.fixture
def full():
    """A port where connecting hangs, because the queue of the listening socket is
    full.
    """
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        for _ in range(4):
            waiting = stack.enter_context(socket.socket())
            waiting.settimeout(0)
            with contextlib.suppress(BlockingIOError):
                waiting.connect(listener.getsockname())
        yield listener.getsockname()[1]


def test_all_addresses_of_a_host_share_the_time_to_connect(full, monkeypatch):
    """The library would give each address the whole timeout, so three addresses would
    take nine seconds.
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
