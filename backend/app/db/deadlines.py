"""A watchdog ends every database call that exceeds its time limit, so that its thread
returns.

The kernel of a suspended server still acknowledges packets. So neither a TCP timeout
nor the server's own limits end such a call. The watchdog closes the socket of the call
from another thread, and the driver raises an error at once.
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

GRACE_SECONDS = 0.25  # so that the server's own limit ends a statement first, with a better error
LONGEST_SLEEP = 0.5  # seconds; no limit may be shorter, because its calls would be ended late

Method = TypeVar("Method", bound=Callable[..., Any])

log = get_logger(__name__)
# The calls that run now. Removing one is a single step under the interpreter's lock. So
# a call is either ended by its own thread or cut by the watchdog, never both.
_calls: dict["Call", "Call"] = {}
_cutting = threading.Lock()


class Limited(Protocol):
    """A connection with a limit, in seconds, for each of its calls."""

    limit: float
    silence: Silence

    def cut(self) -> None:
        """End the current call. The watchdog's thread calls this."""


Call = tuple[Limited, float]  # the connection, and the time at which the call began


def limited(method: Method) -> Method:
    """Wrap a method of a connection, or of its cursors, that waits for the server."""

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
    """Start the thread that watches the calls of this process.

    Connections start it, so a process without connections has no such thread.
    """
    _start()


@functools.lru_cache
def _start() -> None:
    threading.Thread(target=_watch, name="database watchdog", daemon=True).start()


def _end(call: Call) -> None:
    if _calls.pop(call, None) is None:
        # The watchdog took the call. It may be about to use the descriptor of the
        # connection, so this thread must not close it yet. The number could already
        # belong to another socket.
        with _cutting:
            return
    call[0].silence.heard_at = time.monotonic()


def _watch() -> None:
    never = threading.Event()
    while True:
        never.wait(min(LONGEST_SLEEP, max(0.0, _look())))


def _look() -> float:
    """Cut all calls over their limit. Returns the seconds until the next call reaches
    its limit.
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
            return  # the call ended meanwhile
        with suppress(Exception):  # no error of a broken connection may end the watchdog
            connection.cut()
    log.warning("database_call_cut", seconds=round(time.monotonic() - began, 1))
    connection.silence.missed(began)
