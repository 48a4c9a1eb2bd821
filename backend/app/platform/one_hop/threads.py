"""Threads for admitted requests.

`Admission` limits the number of admitted requests, so each admitted request gets a
thread immediately. A call in one of anyio's threads takes twice the time, because anyio
applies its own limit. Applying that limit makes the request wait for the event loop
twice before its thread begins.
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

IDLE_SECONDS = 10.0  # a thread without a call ends after this time


class Call(NamedTuple):
    """A function to be called in a thread, and the future of its result."""

    context: Context
    function: Callable[..., Any]
    arguments: tuple[Any, ...]
    result: "asyncio.Future[Any]"
    token: EventLoopToken


class Threads:
    """A pool of threads, with one thread for each simultaneous call.

    All event loops of this process share the pool, in whichever thread they run.
    """

    def __init__(self, idle_seconds: float = IDLE_SECONDS) -> None:
        self._idle_seconds = idle_seconds
        self._calls: SimpleQueue[Call] = SimpleQueue()
        self._free = 0  # number of threads without a call
        self._lock = Lock()

    async def run(self, function: Callable[..., Result], *arguments: Any) -> Result:
        """Return the result of a function that runs in a thread.

        A cancelled caller waits until the function has ended. So the caller keeps its
        slot for as long as the function has a connection.
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
        """Return the next call, or `None` if no call arrives for `IDLE_SECONDS`."""
        while True:
            try:
                return self._calls.get(timeout=self._idle_seconds)
            except Empty:
                with self._lock:
                    if self._free:
                        self._free -= 1
                        return None
                # `run` has counted on this thread, so its call is about to arrive.


def _run(call: Call) -> None:
    value: Any = None
    error: BaseException | None = None
    try:
        value = call.context.run(call.function, *call.arguments)
    except StopIteration as raised:  # a coroutine cannot raise StopIteration
        error = RuntimeError("A function raised StopIteration")
        error.__cause__ = raised
    except BaseException as raised:  # noqa: BLE001 - belongs to the caller
        error = raised
    with suppress(RuntimeError):  # if the event loop has ended, the caller has ended, too
        call.result.get_loop().call_soon_threadsafe(_settle, call.result, value, error)
    del error  # the error refers to this frame, so it would keep the frame's objects alive


def _settle(result: "asyncio.Future[Any]", value: Any, error: BaseException | None) -> None:
    if result.cancelled():
        return
    if error is None:
        result.set_result(value)
    else:
        result.set_exception(error)


request_threads = Threads()
