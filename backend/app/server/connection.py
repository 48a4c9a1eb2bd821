"""One client's connection: uvicorn's HTTP protocol, with an end to every wait.

uvicorn closes a connection that is idle after an answer, and waits for ever in all other cases: for the first byte, for
the rest of a head or of a body, and for a client that does not read. Any of these costs a stranger nothing.
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
from app.platform.bounds import MAX_HEAD
from app.server.crowd import Crowd, Limits, log
from app.server.descriptors import connections_allowed
from app.server.head import BoundedHead

SIDE_CONNECTIONS = 16
DISCARDED = 1_000_000  # bytes that are still read of a head that was refused, so that its client sees the answer
LINGER = 1  # seconds for that
PIPELINED = 32  # requests of one connection without an answer: each is held until its turn, all with the head of one
TOO_SLOW = "The request did not arrive in time. Send it again."


class Stage(Enum):
    """What comes next from the client."""

    IDLE = "idle"  # a request, if the client wants: the last one is complete
    HEAD = "head"  # the rest of a head, or on a new connection all of it
    BODY = "body"
    NOTHING = "nothing"  # we have refused to read on


class TooManyAtOnce(Exception):
    """A client sends request after request without reading the answers."""


def _as_bytes(response: Response) -> bytes:
    """A whole answer, for a client whose request has not become one."""
    status = HTTPStatus(response.status_code)
    lines = [b"HTTP/1.1 %d %s" % (status, status.phrase.encode())]
    lines += [b"%s: %s" % header for header in response.raw_headers]
    return b"\r\n".join([*lines, b"connection: close", b"", bytes(response.body)])


def _crowd_of_this_process() -> Crowd:
    settings = get_settings()
    return Crowd(Limits(connections_allowed(settings)), settings.trusted_proxies)


class Connection(BoundedHead):
    """The client has to move on while it is its turn; nothing is asked of it while the application works."""

    crowd: ClassVar[Crowd] = _crowd_of_this_process()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.peer: str | None = None
        self._stage = Stage.HEAD
        self._until = 0.0  # when the client must have moved on, by the crowd's clock
        self._read_until = 0.0  # when it must have read more of our answer
        self._unread = 0
        self._requests: deque[RequestResponseCycle] = deque()  # those without a whole answer, in the order they came
        self._sizes: deque[int] = deque()  # of their heads
        self._held = 0  # bytes received since the last that belonged to a body

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override] # as in uvicorn
        super().connection_made(transport)
        self.peer = self.crowd.peer_of(self.client)
        if hasattr(socket, "TCP_USER_TIMEOUT"):  # Linux: the kernel looks after what it has taken off our hands
            patience = int(self.crowd.limits.patience * 1000)
            transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, patience)
        self._await(Stage.HEAD)
        self._read_until = self._until
        self.crowd.admit(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self.crowd.forget(self)
        super().connection_lost(exc)
        # Of several requests uvicorn tells only the last. The others would write on, which uvloop takes for a mistake.
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
        if self._requests and (len(self._requests) >= PIPELINED or sum(self._sizes) + size > MAX_HEAD):
            raise TooManyAtOnce  # ends the parsing, also of what came in the same packet
        self._held = 0
        self._await(Stage.BODY)
        super().on_headers_complete()
        self._requests.append(self.cycle)
        self._sizes.append(size)

    def on_body(self, body: bytes) -> None:
        self._held = 0
        self._until = self._prolonged(self._until, len(body))
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._held = 0
        self._await(Stage.IDLE)
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        if self._is_answering():  # a request before it would take this for its answer
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

    def is_evictable(self) -> bool:
        """Whether it is the client that keeps us waiting, and not the other way round."""
        return self.flow.write_paused or not self._is_our_turn()

    def evict(self) -> None:
        self.transport.abort()

    def look(self) -> None:
        """Close the connection if its client has not moved on, or has not read on, in time."""
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
        """Tell a client that has begun a request why nothing comes of it, and close."""
        unanswered = self._requests and not self.cycle.response_started
        if unanswered if self._stage is Stage.BODY else self._stage is Stage.HEAD and self._held:
            self.transport.write(_as_bytes(problems.render(408, "request_timeout", TOO_SLOW)))
        self.transport.close()

    def _refuse_head(self) -> None:
        if self._is_answering():  # a request before it: nothing may stand in the middle of its answer
            self.transport.abort()
            return
        self.transport.write(_as_bytes(problems.of_status(431)))
        self._await(Stage.NOTHING)

    def _is_answering(self) -> bool:
        return bool(self._requests)

    def _is_our_turn(self) -> bool:
        if self._stage is Stage.BODY:
            return self.flow.read_paused or (self._is_answering() and self.cycle.waiting_for_100_continue)
        return self._is_answering()

    def _await(self, stage: Stage) -> None:
        """Give the client time for what comes next, from now on."""
        self._stage = stage
        times = {Stage.IDLE: self.timeout_keep_alive, Stage.NOTHING: LINGER}
        self._until = self.crowd.now + times.get(stage, self.crowd.limits.patience)

    def _prolonged(self, until: float, count: int) -> float:
        """The time that so many bytes earn at the least rate, and never more patience than at the beginning."""
        limits = self.crowd.limits
        return min(until + max(0, count) / limits.rate, self.crowd.now + limits.patience)


class SideConnection(Connection):
    """For a listener inside the network that has an event loop of its own, such as that of METRICS_PORT."""

    crowd: ClassVar[Crowd] = Crowd(Limits(connections=SIDE_CONNECTIONS))
