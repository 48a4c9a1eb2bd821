"""A job is committed together with the change that enqueues it.

Each job takes effect once, and no job is forgotten.
"""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from sqlalchemy import func, select, update

from app.core.types import utc_now
from app.db.database import SessionLocal, WorkerSession
from app.platform import jobs
from app.platform.jobs import job_runs
from app.platform.models import IdempotencyKey, Job, Mail
from app.platform.queues import leases
from tests.support.jobs import enqueue, purge, rows, widgets
from tests.support.widgets import Widget


def test_a_job_is_done_once_and_its_row_is_gone(committed, adding):
    enqueue("test.add", {"name": "one"})
    assert job_runs.run_next()
    assert not job_runs.run_next()
    assert (widgets(), rows()) == (1, [])


def test_a_request_that_fails_leaves_no_job(committed, adding):
    with SessionLocal() as db:
        jobs.enqueue(db, "test.add", {"name": "one"})
        db.rollback()
    assert not job_runs.run_next()


def test_a_job_waits_for_its_time(committed, adding):
    enqueue("test.add", {"name": "one"}, after=timedelta(hours=1))
    assert not job_runs.run_next()
    with time_machine.travel(datetime.now(UTC) + timedelta(hours=1, seconds=1)):
        assert job_runs.run_next()


def test_a_key_belongs_to_one_job_until_it_has_finished(committed, adding):
    enqueue("test.add", {"name": "one"}, key="k")
    enqueue("test.add", {"name": "two"}, key="k")
    assert [job.payload for job in rows()] == [{"name": "one"}]
    job_runs.run_next()
    enqueue("test.add", {"name": "three"}, key="k")
    assert len(rows()) == 1


def test_a_taken_key_does_not_spoil_the_callers_transaction(committed, adding):
    enqueue("test.add", {"name": "one"}, key="k")
    with SessionLocal() as db, db.begin():
        db.add(Widget(name="mine"))
        jobs.enqueue(db, "test.add", {"name": "two"}, key="k")
    assert widgets() == 1


def test_an_undeclared_job_is_refused_where_it_is_enqueued(committed, handlers):
    with pytest.raises(jobs.UnknownJob):
        enqueue("test.misspelt")


def test_a_job_of_newer_code_is_left_to_newer_code(committed, adding, handlers):
    enqueue("test.add", {"name": "one"})
    declared = handlers.pop("test.add")
    assert not job_runs.run_next()
    handlers["test.add"] = declared
    assert job_runs.run_next()


def test_two_jobs_of_one_name_stop_the_start(handlers):
    jobs.job("test.same")(lambda _db, _payload: None)
    with pytest.raises(ValueError, match=r"test\.same"):
        jobs.job("test.same")(lambda _db, _payload: None)


def test_a_raising_job_is_undone_retried_for_a_day_and_then_dead(committed, handlers):
    @jobs.job("test.fail")
    def fail(db, payload):
        db.add(Widget(name="half done"))
        db.flush()
        raise RuntimeError("no luck, token=of-nobody")

    tries = 0
    with time_machine.travel(datetime(2030, 1, 1, tzinfo=UTC), tick=False) as clock:
        enqueue("test.fail", key="k")
        while (due := rows()[0].due_at) is not None:
            clock.move_to(due)
            assert job_runs.run_next()
            tries += 1
    (dead,) = rows()
    assert 25 < tries < 45
    assert (widgets(), dead.dead_at - dead.created_at) == (0, timedelta(hours=24))
    assert "no luck" in dead.last_error
    assert "of-nobody" not in dead.last_error
    enqueue("test.fail", key="k")  # a dead letter does not reserve its key
    assert len(rows()) == 2


def test_who_overruns_the_lease_commits_nothing(committed, handlers):
    @jobs.job("test.slow")
    def slow(db, payload):
        db.add(Widget(name="too late"))
        db.flush()
        db.execute(
            update(Job).values(lease="another worker's")
        )  # as if the lease had ended and another worker had taken the row

    enqueue("test.slow")
    assert job_runs.run_next()
    assert widgets() == 0


def test_a_job_whose_worker_died_is_done_by_the_next_one(committed, adding):
    enqueue("test.add", {"name": "one"})
    with WorkerSession() as db, db.begin():
        assert leases.claim_due_row(db, Job, jobs.LEASE)
    assert not job_runs.run_next()
    with time_machine.travel(datetime.now(UTC) + jobs.LEASE + timedelta(seconds=1)):
        assert job_runs.run_next()
    assert widgets() == 1


def test_a_job_that_kills_its_workers_does_not_do_so_for_ever(committed, adding):
    enqueue("test.add", {"name": "one"})
    with WorkerSession() as db, db.begin():
        leases.claim_due_row(db, Job, jobs.LEASE)
    with time_machine.travel(datetime.now(UTC) + timedelta(hours=25)):
        assert not job_runs.run_next()
    (dead,) = rows()
    assert dead.dead_at
    assert widgets() == 0


def test_housekeeping_deletes_what_nobody_asks_for_any_more(committed):
    at, old = utc_now(), utc_now() - timedelta(days=31)
    mail = {"recipient": "ada@example.com", "subject": "x", "message_id": "<x@y>", "give_up_at": at}
    with SessionLocal() as db, db.begin():
        db.add_all(
            [
                Mail(**mail, sent_at=old),
                Mail(**mail, dead_at=old),
                Mail(**mail, sent_at=at),
                Mail(**mail, due_at=old),
            ]
        )
        db.add(Job(kind="x", payload={}, dead_at=old, give_up_at=old))
        db.add(IdempotencyKey(digest="x", fingerprint="x", expires_at=at - timedelta(seconds=1)))
    with SessionLocal() as db:
        purge(db)
        assert db.scalar(select(func.count()).select_from(Mail)) == 2
        assert db.scalar(select(func.count()).select_from(IdempotencyKey)) == 0
        assert db.scalar(select(func.count()).select_from(Job).where(Job.kind == "x")) == 0
