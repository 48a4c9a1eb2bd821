"""The connection of one client: uvicorn's HTTP protocol, with a limit on every wait.

uvicorn limits only how long a connection may be idle after a response. uvicorn waits
forever for the first byte, for the rest of a head or a body, and for a client that does
not read. A client can cause such a wait without any effort.
"""

import socket
from asyncio import Transport
from collections import deque
from collections.abc import Callable
from enum import Enum
from http import HTTPStatus
from typing import Any, ClassVar

from fastapi import Response
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from app.core.config import get_settings
from app.platform import problems
from app.platform.envelope.bounds import MAX_HEAD
from app.server.crowd import Crowd, Limits, log
from app.server.descriptors import connections_allowed
from app.server.head import BoundedHead
from app.server.response import Exchange

SIDE_CONNECTIONS = 16
# After refusing a request, read and discard up to this many bytes, so that the client
# receives the response.
DISCARDED = 1_000_000
LINGER = 1  # seconds to read and discard
# Maximum number of pipelined requests that may wait for a response. The heads of these
# requests together may be as large as the head of one request.
PIPELINED = 32
# For this many seconds after a shutdown begins, a proxy may begin one more request on
# each open connection. The server refuses new connections, so the proxy turns to other
# processes.
DRAIN_SECONDS = 2
TOO_SLOW = "The request did not arrive in time. Send it again."


class Stage(Enum):
    """The part of a request that the client sends next."""

    IDLE = "idle"  # perhaps another request, because the last request is complete
    HEAD = "head"  # the rest of a head, or the whole head on a new connection
    BODY = "body"
    NOTHING = "nothing"  # nothing, because we stopped reading


class TooManyAtOnce(Exception):
    """A client keeps sending requests without reading the responses."""


def _as_bytes(response: Response) -> bytes:
    """Return a complete response as bytes, for a client whose request is incomplete."""
    status = HTTPStatus(response.status_code)
    lines = [b"HTTP/1.1 %d %s" % (status, status.phrase.encode())]
    lines += [b"%s: %s" % header for header in response.raw_headers]
    return b"\r\n".join([*lines, b"connection: close", b"", bytes(response.body)])


def _crowd_of_this_process() -> Crowd:
    settings = get_settings()
    return Crowd(Limits(connections_allowed(settings)), settings.trusted_proxies)


class Connection(BoundedHead):
    """A connection that limits how long the client may keep the server waiting.

    While the application works on a response, no time limit applies to the client.
    """

    crowd: ClassVar[Crowd] = _crowd_of_this_process()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.peer: str | None = None
        self._stage = Stage.HEAD
        # The time on the crowd's clock by which the client must have made progress.
        self._until = 0.0
        self._read_until = 0.0  # the time by which the client must have read more of our response
        self._unread = 0
        # Requests without a complete response, in order of arrival.
        self._requests: deque[RequestResponseCycle] = deque()
        self._sizes: deque[int] = deque()  # the sizes of the heads of these requests
        self._held = 0  # bytes received since the last byte that belonged to a body
        self._leaving = False  # whether the server shuts down

    @property
    def pending(self) -> int:
        """The number of requests without a complete response."""
        return len(self._requests)

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override] # as in uvicorn
        super().connection_made(transport)
        self.peer = self.crowd.peer_of(self.client)
        # On Linux, this limits how long the kernel waits for the client to acknowledge
        # data.
        if hasattr(socket, "TCP_USER_TIMEOUT"):
            patience = int(self.crowd.limits.patience * 1000)
            transport.get_extra_info("socket").setsockopt(
                socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, patience
            )
        self._await(Stage.HEAD)
        self._read_until = self._until
        self.crowd.admit(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self.crowd.forget(self)
        super().connection_lost(exc)
        # uvicorn marks only the last of several requests as disconnected. The other
        # requests would continue to write, and uvloop would report an error.
        for request in self._requests:
            request.disconnected = True
            request.message_event.set()

    def data_received(self, data: bytes) -> None:
        self._held += len(data)
        if self._stage is Stage.NOTHING:
            if self._held > self.crowd.limits.head + DISCARDED:
                self.transport.abort()
            return
        super().data_received(data)
        if self._held > self.crowd.limits.head and not self.transport.is_closing():
            self._refuse_head()

    def on_message_begin(self) -> None:
        self._await(Stage.HEAD)
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        size = MAX_HEAD - self._room
        if self.pending and (self.pending >= PIPELINED or sum(self._sizes) + size > MAX_HEAD):
            raise TooManyAtOnce  # also stops parsing the rest of this packet
        self._held = 0
        self._await(Stage.BODY)
        super().on_headers_complete()
        if self._leaving:
            self.cycle.keep_alive = False
        self._requests.append(self.cycle)
        self._sizes.append(size)

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        cycle.__class__ = Exchange  # uvicorn offers no way to choose the class
        super()._start_asgi_task(cycle, app)

    def on_body(self, body: bytes) -> None:
        self._held = 0
        self._until = self._prolonged(self._until, len(body))
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._held = 0
        self._await(Stage.IDLE)
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        # The client would mistake this response for the response to an earlier request.
        if self._is_answering():
            self.transport.abort()
        else:
            super().send_400_response(msg)

    def on_response_complete(self) -> None:
        self._requests.popleft()
        self._sizes.popleft()
        self.crowd.has_answered(self)
        super().on_response_complete()

    def resume_writing(self) -> None:
        self._read_until = self.crowd.now + self.crowd.limits.patience
        super().resume_writing()

    def shutdown(self) -> None:
        """Close the connection after the request that is in progress.

        The client may just have sent a request on an idle connection. If the server
        closes this connection, a browser sends the request again. A proxy cannot, so
        its idle connections stay open for `DRAIN_SECONDS`.
        """
        self._leaving = True
        if self.peer is not None or self._is_answering():
            super().shutdown()
        else:
            self._until = min(self._until, self.crowd.now + DRAIN_SECONDS)

    def is_evictable(self) -> bool:
        """Return whether the server is waiting for the client."""
        return self.flow.write_paused or not self._is_our_turn()

    def evict(self) -> None:
        self.transport.abort()

    def require_progress(self) -> None:
        """Close the connection if its client has not sent or read enough in time."""
        now = self.crowd.now
        if self._is_our_turn():
            self._await(self._stage)
        unread = self.transport.get_write_buffer_size()
        if unread:
            self._read_until = self._prolonged(self._read_until, self._unread - unread)
        else:
            self._read_until = now + self.crowd.limits.patience
        self._unread = unread
        if now > self._read_until:
            self._end("answer", self.transport.abort)
        elif now > self._until and not self.transport.is_closing():
            self._end(self._stage.value, self._give_up)

    def _end(self, reason: str, close: Callable[[], None]) -> None:
        if self._stage is not Stage.IDLE or reason == "answer":
            log.info("connection_closed", reason=reason, client=self.peer or "proxy")
        close()

    def _give_up(self) -> None:
        """Close the connection, after sending an error if a request has begun."""
        unanswered = self._requests and not self.cycle.response_started
        if unanswered if self._stage is Stage.BODY else self._stage is Stage.HEAD and self._held:
            self.transport.write(
                _as_bytes(problems.render_problem(408, "request_timeout", TOO_SLOW))
            )
        self.transport.close()

    def _refuse_head(self) -> None:
        # This response must not interrupt the response to an earlier request.
        if self._is_answering():
            self.transport.abort()
            return
        self.transport.write(_as_bytes(problems.of_status(431)))
        self._await(Stage.NOTHING)

    def _is_answering(self) -> bool:
        return self.pending > 0

    def _is_our_turn(self) -> bool:
        if self._stage is Stage.BODY:
            return self.flow.read_paused or (
                self._is_answering() and self.cycle.waiting_for_100_continue
            )
        return self._is_answering()

    def _await(self, stage: Stage) -> None:
        """Start the time limit for what the client sends next."""
        self._stage = stage
        if stage is Stage.IDLE:
            seconds: float = self.timeout_keep_alive
        else:
            seconds = LINGER if stage is Stage.NOTHING else self.crowd.limits.patience
        self._until = self.crowd.now + seconds

    def _prolonged(self, until: float, count: int) -> float:
        """Return the deadline, extended by the time that these bytes take at the
        minimum rate.

        The deadline is at most `patience` seconds from now.
        """
        limits = self.crowd.limits
        return min(until + max(0, count) / limits.rate, self.crowd.now + limits.patience)


class SideConnection(Connection):
    """A connection of a side listener, such as METRICS_PORT.

    A side listener has its own event loop, and is reachable only from inside the
    network.
    """

    crowd: ClassVar[Crowd] = Crowd(Limits(connections=SIDE_CONNECTIONS))
