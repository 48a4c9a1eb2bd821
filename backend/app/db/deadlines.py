"""The watchdog, which ends every database call that exceeds its time limit.

If the server process is suspended, the server's kernel still acknowledges packets. So
neither a TCP timeout nor the server's own limits end a call to such a server. The
watchdog runs in a thread of its own, and closes the socket that the call waits for. The
driver then raises an error immediately, which frees the thread of the call.
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
from .watching.tally import current

GRACE_SECONDS = 0.25  # extra time, in which the server may report a more precise error
LONGEST_SLEEP = 0.5  # seconds; a call with a limit shorter than this may be ended too late

Method = TypeVar("Method", bound=Callable[..., Any])

log = get_logger(__name__)
# The calls that are running. `dict.pop` is atomic, because it holds the interpreter's
# lock. So either a call's own thread or the watchdog ends the call, never both.
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
            seconds = _end(running)
            if (tally := current.get()) is not None:
                tally.seconds += seconds

    return cast("Method", call)


def time_limited_statement(method: Method) -> Method:
    """Limit how long a statement may wait for the server, and count the statement.

    The method gets the statement and its parameters.
    """

    @functools.wraps(method)
    def call(self: Any, statement: Any, *values: Any) -> Any:
        running = (self.connection, time.monotonic())
        _calls[running] = running
        try:
            return method(self, statement, *values)
        finally:
            seconds = _end(running)
            if (tally := current.get()) is not None:
                tally.seconds += seconds
                tally.note(statement, values, seconds)

    return cast("Method", call)


def start_watchdog() -> None:
    """Start the thread that watches the calls of this process, unless it is running.

    Each connection calls this, so a process without connections has no such thread.
    """
    _start()


@functools.lru_cache
def _start() -> None:
    threading.Thread(target=_watch, name="database watchdog", daemon=True).start()


def _end(call: Call) -> float:
    """Note that a call has ended, and return how many seconds it took."""
    ended = time.monotonic()
    if _calls.pop(call, None) is None:
        # The watchdog is ending this call, and may be about to use the descriptor of
        # the connection's socket. This thread waits until the watchdog has finished. If
        # this thread closed the connection now, the descriptor might belong to another
        # socket by the time the watchdog uses it.
        with _cutting:
            return ended - call[1]
    call[0].silence.heard_at = ended
    return ended - call[1]


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
            cut_call(call)
    return nearest


def cut_call(call: Call) -> None:
    connection, began = call
    with _cutting:
        if _calls.pop(call, None) is None:
            return  # the call has ended without the watchdog
        with suppress(Exception):  # an error from a broken connection must not end the watchdog
            connection.cut()
    log.warning("database_call_cut", seconds=round(time.monotonic() - began, 1))
    connection.silence.missed(began)


def cut_calls(silence: Silence) -> None:
    """End all calls that wait for one server, which does not respond."""
    for call in _calls.copy():
        if call[0].silence is silence:
            cut_call(call)
