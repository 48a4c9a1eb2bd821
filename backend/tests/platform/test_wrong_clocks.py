"""Workers and servers whose clocks differ do nothing twice (R13).

Also, no host takes work that another host is still doing.
"""

from datetime import timedelta

import pytest
from sqlalchemy import select, update

from app.db import clock
from app.db.database import WorkerSession
from app.platform import jobs
from app.platform.jobs import job_runs
from app.platform.mail import outbox, queue_mail
from app.platform.models import IdempotencyKey, Job, Mail
from app.platform.queues import leases
from app.platform.requests.idempotency import Claim
from tests.support.clocks import host_ahead
from tests.support.jobs import enqueue, rows, widgets

KEY = {"Idempotency-Key": "one-and-the-same"}
BOTH_WAYS = pytest.mark.parametrize("minutes", [-5, 5])


@pytest.mark.parametrize(("model", "lease"), [(Mail, outbox.LEASE), (Job, jobs.LEASE)])
def test_a_lease_ends_on_time_whatever_a_workers_clock_shows(committed, adding, model, lease):
    """When leases used the workers' clocks, two workers whose clocks differed by three
    minutes sent an email twice.
    """
    enqueue("test.add", {"name": "one"})
    with WorkerSession() as db, db.begin():
        queue_mail(db, "ada@example.com", "auth/password_changed", username="ada")
    with WorkerSession() as worker, worker.begin():
        assert leases.claim_due_row(worker, model, lease)
    with host_ahead(minutes=5), WorkerSession() as worker, worker.begin():
        assert leases.claim_due_row(worker, model, lease) is None
        worker.execute(update(model).values(due_at=clock.now(timedelta(minutes=-3))))
    with host_ahead(minutes=-5), WorkerSession() as worker, worker.begin():
        assert leases.claim_due_row(worker, model, lease), "it ended three minutes ago"


@BOTH_WAYS
@pytest.mark.parametrize(("model", "lease"), [(Mail, outbox.LEASE), (Job, jobs.LEASE)])
def test_a_lease_lasts_as_long_whichever_worker_took_it(committed, adding, model, lease, minutes):
    enqueue("test.add", {"name": "one"})
    with WorkerSession() as db, db.begin():
        queue_mail(db, "ada@example.com", "auth/password_changed", username="ada")
    with host_ahead(minutes=minutes), WorkerSession() as db, db.begin():
        assert leases.claim_due_row(db, model, lease)
    with WorkerSession() as db:
        left = db.scalars(select(model.due_at)).one() - clock.read_database_time(db)
        assert lease - timedelta(minutes=1) < left <= lease


def test_an_email_leased_by_one_worker_is_not_sent_by_another(committed, smtp):
    with WorkerSession() as db, db.begin():
        queue_mail(db, "ada@example.com", "auth/password_changed", username="ada")
    with WorkerSession() as worker, worker.begin():
        mail = leases.claim_due_row(worker, Mail, outbox.LEASE)
    assert mail
    with host_ahead(minutes=3):
        assert not outbox.send_due()
    assert smtp.received == []


@BOTH_WAYS
def test_what_is_due_now_is_done_now_whichever_host_asked(committed, adding, minutes):
    with host_ahead(minutes=minutes):
        enqueue("test.add", {"name": "one"})
    assert job_runs.run_next()
    enqueue("test.add", {"name": "two"}, after=timedelta(minutes=3))
    with host_ahead(minutes=minutes):
        assert not job_runs.run_next()
    assert widgets() == 1


@BOTH_WAYS
def test_a_job_that_failed_is_put_off_and_given_up_alike(committed, minutes):
    """The database's time decides when a failed job is tried again, and when it has
    failed for good.
    """
    with WorkerSession() as db, db.begin():
        db.add(
            Job(
                kind="test.fail",
                payload={},
                due_at=clock.now(),
                give_up_at=clock.now(timedelta(minutes=3)),
            )
        )
    with WorkerSession() as worker, worker.begin():
        job = leases.claim_due_row(worker, Job, jobs.LEASE)
    assert job
    with WorkerSession() as worker:
        before = clock.read_database_time(worker)
    with host_ahead(minutes=minutes), WorkerSession() as worker, worker.begin():
        assert leases.retry_later(worker, job, "no luck")
    (row,) = rows()
    with WorkerSession() as worker:
        after = clock.read_database_time(worker)
    assert before < row.due_at < after + timedelta(seconds=7)


@BOTH_WAYS
def test_a_request_in_progress_is_so_on_every_host(widgets, committed, monkeypatch, minutes):
    """The process of the first request was killed, so it never released its key.

    The key is free when its minute is over, and not before.
    """
    monkeypatch.setattr(Claim, "release", lambda _: None)
    widgets.post("/widgets", json={"name": "spring"})
    assert (
        widgets.post("/widgets", json={"name": "spring"}, headers=KEY).status_code == 409
    )  # the key is taken, and nobody frees it
    with host_ahead(minutes=5):
        assert (
            widgets.post("/widgets", json={"name": "spring"}, headers=KEY).json()["code"]
            == "idempotency_in_progress"
        )
    with WorkerSession() as db, db.begin():
        db.execute(update(IdempotencyKey).values(expires_at=clock.now(timedelta(minutes=-3))))
    with host_ahead(minutes=minutes):
        assert widgets.post("/widgets", json={"name": "wheel"}, headers=KEY).status_code == 201
