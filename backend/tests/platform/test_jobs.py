"""Jobs: they commit with what asks for them, their effect happens once, none is forgotten."""

from datetime import UTC, datetime, timedelta
from threading import Thread

import pytest
import time_machine
from sqlalchemy import func, select, update

from app.core.types import now
from app.db.database import SessionLocal, WorkerSession
from app.platform import job_runs, jobs, leases
from app.platform.models import IdempotencyKey, Job, Mail
from app.platform.wakes import job_bell, ring_after
from app.platform.worker import Worker
from tests.support.smtp import wait_until
from tests.support.widgets import Widget


@pytest.fixture
def handlers(monkeypatch):
    """The kinds of this test alone."""
    known: dict[str, jobs.Kind] = {}
    monkeypatch.setattr(jobs, "_kinds", known)
    jobs.kinds.cache_clear()
    monkeypatch.setattr(jobs, "kinds", lambda: known)
    monkeypatch.setattr(job_runs, "kinds", lambda: known)
    return known


def enqueue(kind, payload=None, **options):
    with SessionLocal() as db, db.begin():
        jobs.enqueue(db, kind, payload, **options)


def widgets():
    with SessionLocal() as db:
        return db.scalar(select(func.count()).select_from(Widget))


def rows():
    with SessionLocal() as db:
        return list(db.scalars(select(Job).order_by(Job.id)))


@pytest.fixture
def adding(handlers):
    @jobs.job("test.add")
    def add(db, payload):
        db.add(Widget(name=payload["name"]))
        db.flush()


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
    enqueue("test.add", {"name": "one"}, run_at=now() + timedelta(hours=1))
    assert not job_runs.run_next()
    with time_machine.travel(datetime.now(UTC) + timedelta(hours=1, seconds=1)):
        assert job_runs.run_next()


def test_one_unfinished_job_has_a_key_and_a_finished_one_frees_it(committed, adding):
    enqueue("test.add", {"name": "one"}, key="k")
    enqueue("test.add", {"name": "two"}, key="k")
    assert [job.payload for job in rows()] == [{"name": "one"}]
    job_runs.run_next()
    enqueue("test.add", {"name": "three"}, key="k")
    assert len(rows()) == 1


def test_a_key_that_is_taken_does_not_spoil_the_transaction_that_asked(committed, adding):
    enqueue("test.add", {"name": "one"}, key="k")
    with SessionLocal() as db, db.begin():
        db.add(Widget(name="mine"))
        jobs.enqueue(db, "test.add", {"name": "two"}, key="k")
    assert widgets() == 1


def test_a_job_that_nobody_declares_is_refused_where_it_is_asked_for(committed, handlers):
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


def test_a_job_that_raises_undoes_its_effect_is_retried_for_a_day_and_dies(committed, handlers):
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
    enqueue("test.fail", key="k")  # a dead letter does not hold its key
    assert len(rows()) == 2


def test_who_overruns_the_lease_commits_nothing(committed, handlers):
    @jobs.job("test.slow")
    def slow(db, payload):
        db.add(Widget(name="too late"))
        db.flush()
        db.execute(update(Job).values(lease="another worker's"))  # as if the lease had ended, and been taken

    enqueue("test.slow")
    assert job_runs.run_next()
    assert widgets() == 0


def test_a_job_whose_worker_died_is_done_by_the_next_one(committed, adding):
    enqueue("test.add", {"name": "one"})
    with WorkerSession() as db, db.begin():
        assert leases.claim(db, Job, job_runs.LEASE)
    assert not job_runs.run_next()
    with time_machine.travel(datetime.now(UTC) + job_runs.LEASE + timedelta(seconds=1)):
        assert job_runs.run_next()
    assert widgets() == 1


def test_a_job_that_kills_its_workers_does_not_do_so_for_ever(committed, adding):
    enqueue("test.add", {"name": "one"})
    with WorkerSession() as db, db.begin():
        leases.claim(db, Job, job_runs.LEASE)
    with time_machine.travel(datetime.now(UTC) + timedelta(hours=25)):
        assert not job_runs.run_next()
    (dead,) = rows()
    assert dead.dead_at
    assert widgets() == 0


def test_what_recurs_is_done_once_per_interval_by_three_workers(committed, handlers):
    done = []

    @jobs.recurring("test.again", every=timedelta(hours=1))
    def again(db, payload):
        done.append(payload)

    workers = [Worker() for _ in range(3)]
    begin = now()
    for worker in workers:
        worker.start()
    wait_until(lambda: len(done) == 1)
    wait_until(lambda: rows()[0].lease is None)
    (planned,) = rows()
    assert begin + timedelta(minutes=59) < planned.due_at < now() + timedelta(hours=1)
    with SessionLocal() as db, db.begin():
        db.execute(update(Job).values(due_at=now()))  # an hour later
    job_bell.set()
    wait_until(lambda: len(done) == 2)
    assert all(worker.stop(10) for worker in workers)
    assert len(done) == 2
    assert len(rows()) == 1


def test_what_recurs_is_tried_again_after_a_failure_and_never_dies(committed, handlers):
    @jobs.recurring("test.again", every=timedelta(minutes=10))
    def again(db, payload):
        raise RuntimeError("no luck")

    with time_machine.travel(datetime(2030, 1, 1, tzinfo=UTC), tick=False) as clock:
        for _ in range(40):
            assert job_runs.run_next()
            (planned,) = rows()
            assert planned.due_at - now() <= timedelta(minutes=10)
            clock.move_to(planned.due_at)
    assert (planned.dead_at, planned.last_error) == (None, "RuntimeError: no luck")


def test_a_shorter_interval_counts_from_the_next_start_on(committed, handlers):
    jobs.recurring("test.again", every=timedelta(days=7))(again := lambda _db, _payload: None)
    job_runs.run_next()
    handlers["test.again"] = jobs.Kind("test.again", again, timedelta(minutes=1))
    job_runs.plan_recurring.cache_clear()
    job_runs.plan_recurring()
    assert rows()[0].due_at < now() + timedelta(minutes=1)


def test_the_bell_rings_when_others_can_see_the_work_and_not_before(committed, adding):
    job_bell.clear()
    with SessionLocal() as db, db.begin():
        with db.begin_nested():
            jobs.enqueue(db, "test.add", {"name": "one"})
        assert not job_bell.is_set()
    assert job_bell.is_set()


def test_a_worker_does_what_was_queued_well_before_it_would_look_by_itself(committed, adding, monkeypatch):
    monkeypatch.setattr("app.platform.worker.POLL_SECONDS", 60)
    worker = Worker()
    worker.start()
    try:
        wait_until(lambda: not job_bell.is_set(), 5)
        enqueue("test.add", {"name": "one"})
        wait_until(lambda: widgets() == 1, 5)
    finally:
        assert worker.stop(10)


def test_stop_waits_for_the_job_in_hand_and_begins_no_other(committed, handlers):
    done = []

    @jobs.job("test.slow")
    def slow(db, payload):
        done.append("begun")
        wait_until(lambda: "stopping" in done)
        done.append("done")

    worker = Worker()
    enqueue("test.slow")
    enqueue("test.slow")
    worker.start()
    wait_until(lambda: "begun" in done)
    stopper = Thread(target=worker.stop, args=(10,))
    stopper.start()
    wait_until(worker.is_stopping)
    done.append("stopping")
    stopper.join()
    assert done == ["begun", "stopping", "done"]
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


def test_housekeeping_deletes_what_nobody_asks_for_any_more(committed):
    at, old = now(), now() - timedelta(days=31)
    mail = {"recipient": "ada@example.com", "subject": "x", "message_id": "<x@y>", "give_up_at": at}
    with SessionLocal() as db, db.begin():
        db.add_all(
            [Mail(**mail, sent_at=old), Mail(**mail, dead_at=old), Mail(**mail, sent_at=at), Mail(**mail, due_at=old)]
        )
        db.add(Job(kind="x", payload={}, dead_at=old, give_up_at=old))
        db.add(IdempotencyKey(digest="x", fingerprint="x", expires_at=at - timedelta(seconds=1)))
        jobs.enqueue(db, "platform.purge")
    assert job_runs.run_next()
    with SessionLocal() as db:
        assert db.scalar(select(func.count()).select_from(Mail)) == 2
        assert db.scalar(select(func.count()).select_from(IdempotencyKey)) == 0
        assert db.scalar(select(func.count()).select_from(Job).where(Job.kind == "x")) == 0


def test_a_bell_rings_once_for_one_transaction(committed):
    job_bell.clear()
    with SessionLocal() as db:
        ring_after(db, job_bell)
        db.execute(select(Job.id))
        db.rollback()
        assert job_bell.is_set()
        job_bell.clear()
        db.execute(select(Job.id))
    assert not job_bell.is_set()
