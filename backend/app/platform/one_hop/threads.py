"""Threads for admitted requests.

`Admission` limits the number of admitted requests, so each of them gets a thread at
once. anyio's threads take twice the time, because anyio limits their number itself: a
request then goes back to the event loop twice before its thread begins.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from contextvars import Context, copy_context
from queue import Empty, SimpleQueue
from threading import Lock, Thread
from typing import Any, NamedTuple, TypeVar

from anyio import CancelScope
from anyio._core._eventloop import threadlocals  # so that `anyio.from_thread` works
from anyio.lowlevel import EventLoopToken, current_token

Result = TypeVar("Result")

IDLE_SECONDS = 10.0  # after which a thread ends


class Call(NamedTuple):
    """A function to be called in a thread, and the future of its result."""

    context: Context
    function: Callable[..., Any]
    arguments: tuple[Any, ...]
    result: "asyncio.Future[Any]"
    token: EventLoopToken


class Threads:
    """As many threads as there are calls at the same time.

    They serve the event loops of all threads.
    """

    def __init__(self, idle_seconds: float = IDLE_SECONDS) -> None:
        self._idle_seconds = idle_seconds
        self._calls: SimpleQueue[Call] = SimpleQueue()
        self._free = 0  # threads without a call
        self._lock = Lock()

    async def run(self, function: Callable[..., Result], *arguments: Any) -> Result:
        """Return the result of a function that runs in a thread.

        A caller that is cancelled waits for the end of the function, so that it keeps
        its slot for as long as the function has a connection.
        """
        result = asyncio.get_running_loop().create_future()
        call = Call(copy_context(), function, arguments, result, current_token())
        with self._lock:
            has_thread = self._free > 0
            self._free -= has_thread
        self._calls.put(call)
        if not has_thread:
            Thread(target=self._work, name="request", daemon=True).start()
        with CancelScope(shield=True):
            value: Result = await result
        return value

    def _work(self) -> None:
        threadlocals.current_cancel_scope = None
        while call := self._next():
            threadlocals.current_token = call.token
            _run(call)
            with self._lock:
                self._free += 1

    def _next(self) -> Call | None:
        """Return the next call, or `None` if there is none for too long."""
        while True:
            try:
                return self._calls.get(timeout=self._idle_seconds)
            except Empty:
                with self._lock:
                    if self._free:
                        self._free -= 1
                        return None
                # A call is about to arrive, and counts on this thread.


def _run(call: Call) -> None:
    value: Any = None
    error: BaseException | None = None
    try:
        value = call.context.run(call.function, *call.arguments)
    except StopIteration as raised:  # a coroutine cannot raise it
        error = RuntimeError("A function raised StopIteration")
        error.__cause__ = raised
    except BaseException as raised:  # noqa: BLE001 - belongs to the caller
        error = raised
    with suppress(RuntimeError):  # the event loop has ended, and with it the caller
        call.result.get_loop().call_soon_threadsafe(_settle, call.result, value, error)
    del error  # it refers to this frame


def _settle(result: "asyncio.Future[Any]", value: Any, error: BaseException | None) -> None:
    if result.cancelled():
        return
    if error is None:
        result.set_result(value)
    else:
        result.set_exception(error)


request_threads = Threads()
