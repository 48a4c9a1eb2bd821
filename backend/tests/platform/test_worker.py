"""The worker's threads do recurring work, are woken by new work, and stop in time."""

from datetime import UTC, datetime, timedelta
from threading import Thread

import time_machine
from sqlalchemy import select, update

from app.core.types import utc_now
from app.db import clock as db_clock
from app.db.database import SessionLocal
from app.platform import jobs
from app.platform.jobs import job_runs
from app.platform.jobs.worker_threads import THREADS, Worker
from app.platform.models import Job, Lane
from app.platform.queues.wakes import job_bell, recurring_bell, ring_after
from tests.support.jobs import enqueue, rows, widgets
from tests.support.smtp import wait_until


def test_what_recurs_is_done_once_per_interval_by_three_workers(committed, handlers):
    done = []

    @jobs.recurring("test.again", every=timedelta(hours=1))
    def again(db, payload):
        done.append(payload)

    workers = [Worker() for _ in range(3)]
    begin = utc_now()
    for worker in workers:
        worker.start()
    wait_until(lambda: len(done) == 1)
    wait_until(lambda: rows()[0].lease is None)
    (planned,) = rows()
    assert begin + timedelta(minutes=59) < planned.due_at < utc_now() + timedelta(hours=1)
    with SessionLocal() as db, db.begin():
        db.execute(update(Job).values(due_at=db_clock.now()))  # an hour later
    recurring_bell.ring()
    wait_until(lambda: len(done) == 2)
    assert all(worker.stop(10) for worker in workers)
    assert len(done) == 2
    assert len(rows()) == 1


def test_a_failing_recurring_job_is_retried_and_never_dies(committed, handlers):
    @jobs.recurring("test.again", every=timedelta(minutes=10))
    def again(db, payload):
        raise RuntimeError("no luck")

    with time_machine.travel(datetime(2030, 1, 1, tzinfo=UTC), tick=False) as clock:
        for _ in range(40):
            assert job_runs.run_next()
            (planned,) = rows()
            assert planned.due_at - utc_now() <= timedelta(minutes=10)
            clock.move_to(planned.due_at)
    assert (planned.dead_at, planned.last_error) == (None, "RuntimeError: no luck")


def test_the_worker_is_woken_only_after_the_commit(committed, adding):
    heard = job_bell.rings
    with SessionLocal() as db, db.begin():
        with db.begin_nested():
            jobs.enqueue(db, "test.add", {"name": "one"})
        assert job_bell.rings == heard
    assert job_bell.rings == heard + 1


def test_a_worker_is_woken_well_before_its_next_poll(committed, adding, monkeypatch):
    monkeypatch.setattr("app.platform.jobs.worker_threads.POLL_SECONDS", 600)
    worker = Worker()
    worker.start()
    try:
        for number in (1, 2):
            enqueue("test.add", {"name": str(number)})
            wait_until(lambda seen=number: widgets() == seen)
    finally:
        assert worker.stop(10)


def test_stop_waits_for_the_job_in_hand_and_begins_no_other(committed, handlers):
    done = []

    @jobs.job("test.slow")
    def slow(db, payload):
        done.append("begun")
        wait_until(lambda: "stopping" in done)
        done.append("done")

    worker, threads = Worker(), THREADS[Lane.ASKED]
    for _ in range(threads + 1):
        enqueue("test.slow")
    worker.start()
    wait_until(lambda: done.count("begun") == threads)
    stopper = Thread(target=worker.stop, args=(10,))
    stopper.start()
    wait_until(worker.is_stopping)
    done.append("stopping")
    stopper.join()
    assert done == [*["begun"] * threads, "stopping", *["done"] * threads]
    assert len(rows()) == 1


def test_stop_does_not_wait_for_ever(committed, handlers):
    released = []

    @jobs.job("test.stuck")
    def stuck(db, payload):
        released.append("begun")
        wait_until(lambda: "go" in released)

    worker = Worker()
    enqueue("test.stuck")
    worker.start()
    wait_until(lambda: released)
    assert worker.stop(0.1) is False
    released.append("go")
    assert worker.stop(10)


def test_a_bell_rings_once_for_one_transaction(committed):
    heard = job_bell.rings
    with SessionLocal() as db:
        ring_after(db, job_bell)
        db.execute(select(Job.id))
        db.rollback()
        assert job_bell.rings == heard + 1
        db.execute(select(Job.id))
    assert job_bell.rings == heard + 1
