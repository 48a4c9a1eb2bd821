"""Every admitted request gets a thread immediately, whatever the functions of other
requests do.
"""

import asyncio
import threading
from contextvars import ContextVar

import anyio
import anyio.lowlevel
import pytest

from app.platform.one_hop.threads import Threads

PATIENCE = 30
colour: ContextVar[str] = ContextVar("colour", default="none")


def run(scene):
    async def within() -> None:
        with anyio.fail_after(PATIENCE):
            await scene()

    asyncio.run(within())


def raises(error):
    def function():
        raise error

    return function


def test_results_errors_and_context_come_back():
    async def scene():
        colour.set("red")
        threads = Threads()
        assert await threads.run(max, 1, 2) == 2
        assert await threads.run(colour.get) == "red"
        with pytest.raises(KeyError, match="gone"):
            await threads.run(raises(KeyError("gone")))
        # A coroutine cannot raise `StopIteration`. Unless the server converts that
        # error, the request never ends.
        with pytest.raises(RuntimeError, match="StopIteration"):
            await threads.run(raises(StopIteration()))

    run(scene)


def test_calls_at_once_do_not_wait_for_each_other():
    async def scene():
        threads, all_there = Threads(), threading.Barrier(12)
        calls = [threads.run(all_there.wait, PATIENCE) for _ in range(12)]
        assert sorted(await asyncio.gather(*calls)) == list(range(12))

    run(scene)


def test_a_thread_is_used_again_and_ends_when_it_is_idle():
    async def scene():
        threads, seen = Threads(idle_seconds=0.3), set()
        # A thread becomes free shortly after its call has returned, so try again.
        while (thread := await threads.run(threading.current_thread)) not in seen:
            seen.add(thread)
            await asyncio.sleep(0.01)
        for thread in seen:
            thread.join(PATIENCE)
            assert not thread.is_alive()
        assert await threads.run(threading.current_thread) not in seen

    run(scene)


def test_a_cancelled_caller_waits_for_the_end_of_its_function():
    async def scene():
        threads, begun, opened = Threads(), threading.Event(), threading.Event()
        ended = []

        def function():
            begun.set()
            opened.wait(PATIENCE)
            ended.append("function")

        async def caller():
            try:
                await threads.run(function)
                await anyio.lowlevel.checkpoint()
            finally:
                ended.append("caller")

        async with anyio.create_task_group() as callers:
            callers.start_soon(caller)
            await anyio.to_thread.run_sync(begun.wait)
            callers.cancel_scope.cancel()
            opened.set()
        assert ended == ["function", "caller"]

    run(scene)


def test_a_function_can_call_the_event_loop():
    async def double(number):
        await asyncio.sleep(0)
        return 2 * number

    async def scene():
        assert await Threads().run(anyio.from_thread.run, double, 4) == 8

    run(scene)
