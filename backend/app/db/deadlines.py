"""Watchdog that ends every database call that exceeds its time limit.

The kernel of a suspended server still acknowledges packets. So neither a TCP timeout
nor the server's own limits end such a call. From its own thread, the watchdog closes
the socket that the call waits for. The driver then raises an error at once, which frees
the thread of the call.
"""

import functools
import math
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Protocol, TypeVar, cast

from app.core.logging import get_logger

from .silence import Silence

GRACE_SECONDS = 0.25  # so that the server ends a statement first, with a more precise error
LONGEST_SLEEP = 0.5  # seconds; a shorter limit would be enforced too late

Method = TypeVar("Method", bound=Callable[..., Any])

log = get_logger(__name__)
# The calls that are running. `dict.pop` is atomic, because it holds the interpreter's
# lock. So a call is ended either by its own thread or by the watchdog, never by both.
_calls: dict["Call", "Call"] = {}
_cutting = threading.Lock()


class Limited(Protocol):
    """A connection that limits the time of each of its calls, in seconds."""

    limit: float
    silence: Silence

    def cut(self) -> None:
        """End the current call. The watchdog's thread calls this."""


Call = tuple[Limited, float]  # the connection, and when the call began


def time_limited(method: Method) -> Method:
    """Limit how long a method may wait for the server.

    The method belongs to a connection or to one of its cursors.
    """

    @functools.wraps(method)
    def call(self: Any, *args: Any, **kwargs: Any) -> Any:
        running = (self.connection, time.monotonic())
        _calls[running] = running
        try:
            return method(self, *args, **kwargs)
        finally:
            _end(running)

    return cast("Method", call)


def start_watchdog() -> None:
    """Start the thread that watches the calls of this process, unless it is running.

    Each connection calls this, so a process without connections has no such thread.
    """
    _start()


@functools.lru_cache
def _start() -> None:
    threading.Thread(target=_watch, name="database watchdog", daemon=True).start()


def _end(call: Call) -> None:
    if _calls.pop(call, None) is None:
        # The watchdog is ending this call, and may be about to use the descriptor of
        # the connection. This thread waits until it has finished. If it closed the
        # connection now, the descriptor could already belong to another socket.
        with _cutting:
            return
    call[0].silence.heard_at = time.monotonic()


def _watch() -> None:
    never = threading.Event()
    while True:
        never.wait(min(LONGEST_SLEEP, max(0.0, _look())))


def _look() -> float:
    """End all calls that exceed their limit.

    Return the seconds until the next call reaches its limit.
    """
    nearest = math.inf
    at = time.monotonic()
    for call in _calls.copy():
        connection, began = call
        left = began + connection.limit - at
        if left > 0:
            nearest = min(nearest, left)
        else:
            _cut(call)
    return nearest


def _cut(call: Call) -> None:
    connection, began = call
    with _cutting:
        if _calls.pop(call, None) is None:
            return  # the call has ended by itself
        with suppress(Exception):  # an error from a broken connection must not end the watchdog
            connection.cut()
    log.warning("database_call_cut", seconds=round(time.monotonic() - began, 1))
    connection.silence.missed(began)
