"""Any thread can call an asynchronous function, and every call ends in time."""

import asyncio
import threading

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from app.core.config import get_settings
from app.db.database import db_dependency
from app.platform import jobs, middleware
from app.platform.async_calls import call_async
from app.platform.jobs.job_runs import run_next
from app.platform.routing import Router
from tests.support.jobs import enqueue


async def double(number):
    await asyncio.sleep(0.01)
    return 2 * number, threading.current_thread().name


def test_all_callers_share_one_loop_in_a_thread_of_its_own():
    assert call_async(double, 21, seconds=60) == (42, "async calls")

    async def loop():
        return id(asyncio.get_running_loop())

    assert call_async(loop, seconds=60) == call_async(loop, seconds=60)


def test_many_threads_call_at_once():
    found = []
    threads = [
        threading.Thread(target=lambda n=n: found.append(call_async(double, n, seconds=60)[0]))
        for n in range(20)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(found) == [2 * n for n in range(20)]


def test_an_error_reaches_the_caller():
    async def fail():
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        call_async(fail, seconds=60)


def test_a_slow_function_is_cancelled():
    ended = []

    async def sleep():
        try:
            await asyncio.sleep(60)
        finally:
            ended.append(True)

    with pytest.raises(TimeoutError):
        call_async(sleep, seconds=0.05)
    assert ended == [True]


def test_a_function_that_blocks_does_not_hold_its_caller():
    going_on = threading.Event()

    async def block():  # as a faulty library does
        assert going_on.wait(60)

    with pytest.raises(TimeoutError, match="No result within"):
        call_async(block, seconds=0.05)
    assert not going_on.is_set()
    going_on.set()
    assert call_async(double, 1, seconds=60)[0] == 2


def test_on_an_event_loop_it_is_refused():
    async def wrong():
        return call_async(double, 1, seconds=1)

    with pytest.raises(RuntimeError, match="Use `await`"):
        asyncio.run(wrong())


def test_a_route_and_a_job_call_it_in_the_same_way(db, handlers):
    router = Router(prefix="/doubles")

    @router.get("/{number}")
    def read_double(db: db_dependency, number: int) -> int:
        assert db.is_active
        result: int = call_async(double, number, seconds=60)[0]
        return result

    app = FastAPI(middleware=middleware.middleware_stack(get_settings()))
    app.include_router(router)
    assert TestClient(app).get("/doubles/4").json() == 8

    found = []

    @jobs.job("test.double")
    def run(_db, payload):
        found.append(call_async(double, payload["number"], seconds=60)[0])

    enqueue("test.double", {"number": 5})
    assert run_next()
    assert found == [10]
