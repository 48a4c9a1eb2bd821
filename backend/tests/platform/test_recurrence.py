"""A recurring job runs again, whatever happened to its row and however long no worker
ran.
"""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from sqlalchemy import delete, update

from app.core.types import utc_now
from app.db import clock as db_clock
from app.db.database import SessionLocal, WorkerSession
from app.platform import jobs
from app.platform.jobs import job_runs, recurrence
from app.platform.jobs.recurrence import planner
from app.platform.models import Job
from app.platform.queues import leases
from tests.support.jobs import rows

HOUR = timedelta(hours=1)
KEY = "recurring test.again"


@pytest.fixture
def done(committed, handlers, monkeypatch):
    """The times at which the test's job has run.

    The job recurs every hour. The test checks a minute after each hour.
    """
    monkeypatch.setattr(recurrence, "PLAN_SECONDS", 0.0)
    runs = []

    @jobs.recurring("test.again", every=HOUR)
    def again(db, payload):
        runs.append(utc_now())

    return runs


def change(**columns):
    with SessionLocal() as db, db.begin():
        db.execute(update(Job).values(**columns))


def lose(_worker):
    with SessionLocal() as db, db.begin():
        db.execute(delete(Job))


def die_with_it(_worker):
    """Make a worker claim the row and die. After that, no worker runs for two days."""
    with WorkerSession() as db, db.begin():
        assert leases.claim_due_row(db, Job, jobs.LEASE)


LOSSES = {
    "its row is deleted": lose,
    "it is a dead letter that kept its key": lambda _: change(due_at=None, dead_at=utc_now()),
    "it is a dead letter without a key": lambda _: change(due_at=None, dead_at=utc_now(), key=None),
    "a clock was a year ahead": lambda _: change(due_at=utc_now() + timedelta(days=365)),
    "a clock was a year ahead, and its worker died": lambda _: change(
        due_at=utc_now() + timedelta(days=365), lease="a dead worker's"
    ),
    "nobody worked for a year": lambda _: change(
        due_at=utc_now() - timedelta(days=365), give_up_at=utc_now() - timedelta(days=364)
    ),
    "its worker died a year ago": lambda _: change(
        due_at=utc_now() - timedelta(days=365),
        give_up_at=utc_now() - timedelta(days=364),
        lease="a dead worker's",
    ),
    "it is in a lane that nobody works in": lambda _: change(
        lane="unheard of", due_at=db_clock.now()
    ),
}


@pytest.mark.parametrize("loss", LOSSES)
def test_it_comes_back_in_a_process_that_lives_on(done, loss):
    """A process checks the plan once a minute, and not only when it starts."""
    with time_machine.travel(datetime(2030, 1, 1, tzinfo=UTC)) as clock:
        assert job_runs.run_next()
        LOSSES[loss](None)
        clock.shift(61)
        for _ in range(7):
            job_runs.run_next()
            clock.shift(600)
        assert len(done) >= 2, "within an hour or so"
        assert [row.key for row in rows() if row.due_at] == [KEY]


def test_a_recurring_job_survives_a_worker_gone_for_a_year(done):
    with time_machine.travel(datetime(2030, 1, 1, tzinfo=UTC)) as clock:
        assert job_runs.run_next()
        clock.shift(HOUR)
        with WorkerSession() as db, db.begin():
            assert leases.claim_due_row(db, Job, jobs.LEASE)
        clock.shift(timedelta(days=365))
        assert job_runs.run_next()
        assert job_runs.run_next() is False
    assert len(done) == 2
    assert [row.dead_at for row in rows()] == [None]


def test_a_row_that_is_in_hand_is_left_to_its_worker(done, handlers):
    """Otherwise, with an interval shorter than a lease, the plan would shorten the
    lease.
    """
    again = handlers["test.again"].run
    handlers["test.again"] = jobs.Kind("test.again", again, timedelta(minutes=1))
    job_runs.run_next()
    change(due_at=db_clock.now())
    with WorkerSession() as db, db.begin():
        assert leases.claim_due_row(db, Job, jobs.LEASE)
    (before,) = rows()
    planner.plan()
    (after,) = rows()
    assert (after.due_at, after.lease) == (before.due_at, before.lease)


def test_a_kind_that_is_taken_away_and_put_back_comes_again(done, handlers):
    with time_machine.travel(datetime(2030, 1, 1, tzinfo=UTC)) as clock:
        job_runs.run_next()
        kind = handlers.pop("test.again")
        clock.shift(timedelta(days=2))
        assert not job_runs.run_next()
        assert rows() == [], "what no code knows is not left to wait for ever"
        handlers["test.again"] = kind
        assert job_runs.run_next()
        assert len(done) == 2


def test_a_job_that_no_code_knows_is_a_dead_letter_after_a_day(committed, handlers):
    jobs.job("test.old")(lambda _db, _payload: None)
    with time_machine.travel(datetime(2030, 1, 1, tzinfo=UTC)) as clock:
        with SessionLocal() as db, db.begin():
            jobs.enqueue(db, "test.old")
        handlers.clear()
        clock.shift(23 * 3600)
        job_runs.run_next()
        assert rows()[0].dead_at is None, "it may be newer code's: a rolling deployment"
        clock.shift(2 * 3600)
        planner.forget()
        job_runs.run_next()
    assert rows()[0].dead_at
    assert rows()[0].last_error == "No code declares a job of this kind"


def test_a_shorter_interval_counts_from_the_next_plan_on(done, handlers):
    job_runs.run_next()
    again = handlers["test.again"].run
    handlers["test.again"] = jobs.Kind("test.again", again, timedelta(minutes=1))
    planner.plan()
    assert rows()[0].due_at < utc_now() + timedelta(minutes=1)
