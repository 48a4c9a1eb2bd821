"""The worker continues whatever a job does.

If a thread of the worker ends nevertheless, the worker reports this.
"""

import os
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta

import pytest
import time_machine

from app.core.config import BACKEND
from app.platform import jobs
from app.platform.jobs import job_runs, worker_threads
from app.platform.jobs.worker_threads import Worker
from app.platform.models import Lane
from app.platform.monitoring import heartbeat
from tests.support.jobs import enqueue, rows, widgets
from tests.support.smtp import wait_until
from tests.support.widgets import Widget


class Panic(BaseException):
    """A panic of a library written in Rust (`pyo3_runtime.PanicException`)."""


class Speechless(Exception):
    def __str__(self):
        raise ValueError("not even this")


def recurse():
    recurse()


FAILURES = {
    "Panic": lambda: (_ for _ in ()).throw(Panic("no luck")),
    "SystemExit": lambda: sys.exit("no luck"),
    "KeyboardInterrupt": lambda: (_ for _ in ()).throw(KeyboardInterrupt),
    "GeneratorExit": lambda: (_ for _ in ()).throw(GeneratorExit),
    "RecursionError": recurse,
    "MemoryError": lambda: bytearray(sys.maxsize),
    "Speechless": lambda: (_ for _ in ()).throw(Speechless),
}


@pytest.mark.parametrize("name", FAILURES)
def test_any_failure_is_noted_as_the_jobs(committed, handlers, adding, name):
    @jobs.job("test.fail")
    def fail(db, payload):
        db.add(Widget(name="half done"))
        db.flush()
        FAILURES[name]()

    enqueue("test.fail")
    enqueue("test.add", {"name": "one"})
    while job_runs.run_next():
        pass
    (failed,) = rows()
    assert name in failed.last_error
    assert (failed.kind, failed.attempts, failed.lease) == ("test.fail", 1, None)
    assert widgets() == 1


def test_a_panic_is_retried_for_a_day_and_is_a_dead_letter_then(committed, handlers):
    @jobs.job("test.panic")
    def panic(db, payload):
        raise Panic

    with time_machine.travel(datetime(2030, 1, 1, tzinfo=UTC), tick=False) as clock:
        enqueue("test.panic")
        for _ in range(50):
            if (due := rows()[0].due_at) is None:
                break
            clock.move_to(due)
            assert job_runs.run_next()
    assert rows()[0].dead_at - rows()[0].created_at == timedelta(hours=24)


def test_what_comes_again_does_so_after_a_panic(committed, handlers):
    @jobs.recurring("test.again", every=timedelta(minutes=10))
    def again(db, payload):
        raise Panic

    assert job_runs.run_next()
    (planned,) = rows()
    assert (planned.dead_at, planned.lease) == (None, None)
    assert planned.due_at


@pytest.mark.parametrize("error", [RuntimeError, Panic])
def test_a_failure_is_noted_though_its_handler_fails(committed, handlers, error):
    def handle(db, payload, failure):
        db.add(Widget(name="half handled"))
        db.flush()
        raise error

    @jobs.job("test.fail", failed=handle)
    def fail(db, payload):
        raise RuntimeError("no luck")

    enqueue("test.fail")
    assert job_runs.run_next()
    assert "no luck" in rows()[0].last_error
    assert (rows()[0].lease, widgets()) == (None, 0)


def test_a_panic_leaves_every_thread_alive(committed, handlers, adding):
    @jobs.job("test.panic")
    def panic(db, payload):
        raise Panic

    dead = []
    working = Worker(at_death=lambda: dead.append("one"))
    for _ in range(worker_threads.THREADS[Lane.ASKED] + 1):
        enqueue("test.panic")
    working.start()
    wait_until(lambda: all(row.attempts for row in rows()))
    enqueue("test.add", {"name": "one"})
    wait_until(lambda: widgets() == 1)
    assert working.stop(10)
    assert dead == []


@pytest.fixture
def first_turn_fails(monkeypatch):
    """Make the first thread that looks for a job fail outside of any job."""
    real, turns = job_runs.run_next, []

    def run_next(**options):
        turns.append("one")
        if len(turns) == 1:
            raise Panic
        return real(**options)

    monkeypatch.setattr(job_runs, "run_next", run_next)


def test_a_thread_that_ends_is_told_of(committed, adding, first_turn_fails):
    dead = []
    working = Worker(at_death=lambda: dead.append("one"))
    working.start()
    wait_until(lambda: dead)
    assert working.stop(10)
    assert dead == ["one"]


def test_a_web_process_starts_its_thread_again(committed, adding, first_turn_fails, monkeypatch):
    """The process must not end, because it also serves requests."""
    monkeypatch.setattr(worker_threads, "RESTART_SECONDS", 0.01)
    monkeypatch.setattr(worker_threads, "THREADS", {Lane.ASKED: 1})
    working = Worker()
    working.start()
    enqueue("test.add", {"name": "one"})
    wait_until(lambda: widgets() == 1)
    assert working.stop(10)


def test_a_thread_that_is_stuck_is_noticed(committed, handlers, monkeypatch):
    released: list[str] = []

    @jobs.job("test.stuck")
    def stuck(db, payload):
        wait_until(lambda: released)

    working = Worker()
    enqueue("test.stuck")
    working.start()
    try:
        wait_until(lambda: rows()[0].lease)
        assert not working.is_stuck()
        monkeypatch.setattr(worker_threads, "STUCK_SECONDS", -1.0)
        assert working.is_stuck()
    finally:
        released.append("go")
        assert working.stop(10)


def test_jobs_that_take_long_delay_none_of_another_lane(committed, handlers, adding):
    """More purges of millions of rows are due than there are threads.

    Even so, a link to a new password is not delayed.
    """
    released: list[str] = []
    begun = []

    def slow(db, payload):
        begun.append("one")
        wait_until(lambda: released)

    for n in range(sum(worker_threads.THREADS.values())):
        jobs.recurring(f"test.slow{n}", every=timedelta(hours=1))(slow)
    working = Worker()
    working.start()
    try:
        wait_until(lambda: len(begun) == worker_threads.THREADS[Lane.RECURRING])
        enqueue("test.add", {"name": "one"})
        wait_until(lambda: widgets() == 1)
    finally:
        released.append("go")
        assert working.stop(10)


def check(folder):
    command = [sys.executable, "-m", "app.worker", "--check"]
    environment = os.environ | {"TMPDIR": str(folder)}
    return subprocess.run(
        command, cwd=BACKEND, env=environment, check=False, capture_output=True, text=True
    )


def test_a_container_asks_whether_its_worker_lives(tmp_path):
    nobody = check(tmp_path)
    assert (nobody.returncode, nobody.stderr.split(":")[0]) == (1, "No worker is running here")
    file = tmp_path / heartbeat.FILE.name
    file.touch()
    assert check(tmp_path).returncode == 0
    long_ago = time.time() - 2 * heartbeat.LATE_SECONDS
    os.utime(file, (long_ago, long_ago))
    silent = check(tmp_path)
    assert (silent.returncode, "has not reported" in silent.stderr) == (1, True)
