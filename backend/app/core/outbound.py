"""HTTP calls to outside services. A `call_budget` limits their time and bytes.

The timeouts of HTTP libraries apply to each single read. Without a budget, a server
that sends one byte now and then could keep a thread busy forever.
"""

import socket
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import lru_cache
from ssl import SSLContext
from typing import Any

import httpcore2
import httpx2

from app.core.tracing import span

CONNECT_SECONDS = 3.0
IDLE_SECONDS = 30.0  # an idle connection is closed after this time


class _Budget:
    def __init__(self, seconds: float, max_bytes: int) -> None:
        self._seconds = seconds
        self.ends_at = time.monotonic() + seconds
        self._bytes_left = max_bytes

    def seconds_left(self) -> float:
        left = self.ends_at - time.monotonic()
        if left <= 0:
            raise httpcore2.ReadTimeout(f"The response was not complete within {self._seconds} s")
        return left

    def count(self, data: bytes) -> bytes:
        self._bytes_left -= len(data)
        if self._bytes_left < 0:
            raise httpcore2.RemoteProtocolError("The response is larger than allowed")
        return data


_current: ContextVar[_Budget] = ContextVar("budget of what is asked outside")


@contextmanager
def call_budget(seconds: float, max_bytes: int) -> Iterator[None]:
    """Limit all calls made inside the block, including retries.

    All calls together take at most `seconds` and read at most `max_bytes`.
    """
    token = _current.set(_Budget(seconds, max_bytes))
    try:
        yield
    finally:
        _current.reset(token)


def time_left() -> float:
    """Return the seconds left in the budget, or 0."""
    return max(0.0, _current.get().ends_at - time.monotonic())


def http_client() -> httpx2.Client:
    """Return a client that keeps connections open and can be shared by several threads.

    Calls must be made inside a `call_budget`.
    """
    return httpx2.Client(**client_options())


def client_options() -> dict[str, Any]:
    """Return the options of `http_client`, for libraries that have their own client
    class.
    """
    return {
        "transport": _Transport(),
        "follow_redirects": False,
        "timeout": None,
        "trust_env": False,
        "headers": {"Accept-Encoding": "identity"},
        "event_hooks": {"response": [_refuse_compressed]},
    }


def _refuse_compressed(response: httpx2.Response) -> None:
    """Refuse a compressed response.

    The budget counts bytes before decompression, and decompression could make a
    response a thousand times larger.
    """
    if response.headers.get("content-encoding", "identity") != "identity":
        raise httpx2.RemoteProtocolError(
            "The response is compressed, although the request did not allow that"
        )


class _Transport(httpx2.HTTPTransport):
    def __init__(self) -> None:
        super().__init__(verify=tls_context())
        self._pool = httpcore2.ConnectionPool(
            ssl_context=tls_context(), network_backend=_Network(), keepalive_expiry=IDLE_SECONDS
        )

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        facts = {"http_request_method": request.method, "server_address": request.url.host}
        with span(f"{request.method} {request.url.host}", client=True, **facts):
            return super().handle_request(request)


@lru_cache
def tls_context() -> SSLContext:
    return httpx2.create_ssl_context()


class _Network(httpcore2.NetworkBackend):
    """A network backend that limits each operation by the budget of the caller."""

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ARG002 - our own timeout is shorter
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.NetworkStream:
        ends_at = time.monotonic() + min(CONNECT_SECONDS, _current.get().seconds_left())
        error: Exception = httpcore2.ConnectError(f"{host} has no address")
        for address in _addresses(host, port):
            # All addresses of a host share the remaining time. The library would allow
            # the whole timeout for each address.
            seconds = ends_at - time.monotonic()
            if seconds <= 0:
                break
            try:
                stream = httpcore2.SyncBackend().connect_tcp(
                    address, port, seconds, local_address, socket_options
                )
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as failure:
                error = failure
            else:
                return _Stream(stream)
        raise error


def _addresses(host: str, port: int) -> list[str]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError as failure:
        raise httpcore2.ConnectError(str(failure)) from failure
    return [str(where[0]) for *_, where in found]


class _Stream(httpcore2.NetworkStream):
    def __init__(self, stream: httpcore2.NetworkStream) -> None:
        self._stream = stream

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ARG002 - ours is shorter
        return _current.get().count(self._stream.read(max_bytes, _current.get().seconds_left()))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ARG002 - ours is shorter
        self._stream.write(buffer, _current.get().seconds_left())

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self,
        ssl_context: SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ARG002
    ) -> httpcore2.NetworkStream:
        return _Stream(
            self._stream.start_tls(
                ssl_context, server_hostname, min(CONNECT_SECONDS, _current.get().seconds_left())
            )
        )

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)
