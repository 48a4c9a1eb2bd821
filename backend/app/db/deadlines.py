"""A watchdog ends every database call that is over its time, so that its thread returns.

The kernel of a stopped server still acknowledges what it is sent. So neither a TCP timeout nor the server's own limits
end such a call. The watchdog closes its socket from another thread, and the driver raises an error at once.
"""

import functools
import math
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Protocol, TypeVar, cast

from app.core.logging import get_logger
from app.db.silence import Silence

GRACE_SECONDS = 0.25  # for the server to end a statement by its own limit first, with a better error
LONGEST_SLEEP = 0.5  # seconds; no limit may be shorter, or its calls would be ended late

Method = TypeVar("Method", bound=Callable[..., Any])

log = get_logger(__name__)
# The calls that run now. To take one out is one step under the interpreter's lock, so a call is either ended by its
# own thread or cut by the watchdog, never both.
_calls: dict["Call", "Call"] = {}
_cutting = threading.Lock()


class Limited(Protocol):
    """A connection with a limit, in seconds, for each of its calls."""

    limit: float
    silence: Silence

    def cut(self) -> None:
        """End the call that runs now. Called from the watchdog's thread."""


Call = tuple[Limited, float]  # and when it began


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
    """Have this process watch its calls. Connections ask for it, so a process without any has no such thread."""
    _start()


@functools.lru_cache
def _start() -> None:
    threading.Thread(target=_watch, name="database watchdog", daemon=True).start()


def _end(call: Call) -> None:
    if _calls.pop(call, None) is None:
        # The watchdog took it. It may be about to use the connection's descriptor, so this thread must not close
        # it yet: the number could already be another socket's.
        with _cutting:
            return
    call[0].silence.heard_at = time.monotonic()


def _watch() -> None:
    never = threading.Event()
    while True:
        never.wait(min(LONGEST_SLEEP, max(0.0, _look())))


def _look() -> float:
    """Cut what is over its time. The seconds until the next call will be."""
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
            return  # answered meanwhile
        with suppress(Exception):  # whatever a broken connection raises must not end the watchdog
            connection.cut()
    log.warning("database_call_cut", seconds=round(time.monotonic() - began, 1))
    connection.silence.missed(began)
