"""A separate thread probes a service for all requests, once a second, with a
deadline.
"""

import time
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import anyio
import pytest
from anyio import create_task_group, to_thread

from app.platform.monitoring.probes import EVERY_SECONDS, Checks, Probe
from tests.support import patient
from tests.support.freezer import freezer
from tests.support.server import running_server
from tests.support.smtp import wait_until

pytestmark = pytest.mark.only("sqlite")  # these tests use no database
UNKNOWN: Checks = {"thing": "unreachable"}


class Thing:
    """A service that counts the probes, and answers when the test lets it."""

    def __init__(self):
        self.asked = 0
        self.answers = Event()
        self.answers.set()

    def ask(self):
        self.asked += 1
        assert self.answers.wait(60)
        return {"thing": "ok"}


@pytest.fixture
def thing():
    thing = Thing()
    yield thing
    thing.answers.set()


async def at_once(probe, callers):
    found = []

    async def call():
        found.append(await probe.checks())

    async with create_task_group() as group:
        for _ in range(callers):
            group.start_soon(call)
    return found


def test_many_callers_are_one_question(thing):
    probe = Probe("thing", thing.ask, UNKNOWN)

    async def main():
        assert await at_once(probe, 100) == [{"thing": "ok"}] * 100
        for _ in range(50):
            assert await probe.checks() == {"thing": "ok"}

    began = time.monotonic()
    anyio.run(main)
    assert thing.asked <= 1 + (time.monotonic() - began) / EVERY_SECONDS


def test_it_is_asked_again_after_a_second(thing):
    probe = Probe("thing", thing.ask, UNKNOWN)
    anyio.run(probe.checks)
    time.sleep(EVERY_SECONDS)
    anyio.run(probe.checks)
    assert thing.asked == 2


def test_what_hangs_is_unknown_and_asked_by_one_thread(thing):
    """No thread that serves requests waits for the answer."""
    thing.answers.clear()
    probe = Probe("thing", thing.ask, UNKNOWN)

    async def main():
        for _ in range(3):
            assert await at_once(probe, 20) == [UNKNOWN] * 20
            assert to_thread.current_default_thread_limiter().borrowed_tokens == 0

    anyio.run(main)
    assert thing.asked == 1
    thing.answers.set()


def test_a_caller_that_goes_away_takes_no_answer_with_it(thing):
    thread, begun = ThreadPoolExecutor(1), Event()
    thread.submit(begun.wait, 60)  # only a waiting probe can be cancelled
    probe = Probe("thing", thing.ask, UNKNOWN, thread)

    async def main():
        async with create_task_group() as leaving:
            leaving.start_soon(probe.checks)
            await anyio.wait_all_tasks_blocked()
            leaving.cancel_scope.cancel()
        begun.set()
        assert await probe.checks(60) == {"thing": "ok"}

    anyio.run(main)
    assert thing.asked == 1


def test_a_redis_that_never_answers_is_reported_and_no_more(migrated):
    with (
        freezer() as redis,
        running_server(REDIS_URL=f"redis://127.0.0.1:{redis.port}/0") as server,
    ):
        ready = f"{server.url}/health/ready"
        wait_until(
            lambda: patient.get(ready).status_code == 200, 60
        )  # a process that has just started is slow
        before = redis.connections
        answers = [patient.get(ready) for _ in range(10)]
        connections = redis.connections - before
    assert {answer.json()["checks"]["redis"] for answer in answers} == {"unreachable"}
    assert connections < 10
