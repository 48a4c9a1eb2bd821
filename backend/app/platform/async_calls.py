"""Calls functions of asynchronous libraries from synchronous code.

    headlines = call_async(fetch_headlines, sources, seconds=3)

The function runs on an event loop in a separate thread, not on the loop that serves
requests. So a library that blocks its loop delays only callers of this module. All
calls of a process share this loop, because the clients of such libraries work only in
the loop in which they were made. Routes, jobs and commands call `call_async` in the
same way.

The caller's thread waits, and keeps its database connection if it has one. So the rules
for outside services apply: end the step first (`commit_step`), or use a job.
"""

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import TimeoutError as NoResultInTime
from functools import lru_cache
from threading import Lock, Thread
from typing import TypeVar

Result = TypeVar("Result")

GRACE_SECONDS = 0.5  # for a function to handle its cancellation

_starting = Lock()


def call_async(
    function: Callable[..., Awaitable[Result]], *arguments: object, seconds: float
) -> Result:
    """Return the result of an `async` function, which may take at most `seconds`.

    After this time, the function is cancelled, and `TimeoutError` is raised. The caller
    does not wait longer even if the function ignores the cancellation or blocks its
    thread. Raises `RuntimeError` if the caller's thread has an event loop. Such a
    caller must use `await`.
    """
    if _has_loop():
        raise RuntimeError("This thread has an event loop. Use `await` instead of `call_async`.")

    async def bounded() -> Result:
        async with asyncio.timeout(seconds):
            return await function(*arguments)

    with _starting:
        loop = _loop()
    call = asyncio.run_coroutine_threadsafe(bounded(), loop)
    try:
        return call.result(seconds + GRACE_SECONDS)
    except NoResultInTime:
        call.cancel()
        raise TimeoutError(f"No result within {seconds} seconds") from None


def _has_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


@lru_cache
def _loop() -> asyncio.AbstractEventLoop:
    loop = asyncio.new_event_loop()
    Thread(target=loop.run_forever, name="async calls", daemon=True).start()
    return loop
