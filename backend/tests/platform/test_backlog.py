"""Metrics and readiness show how long work has waited."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from prometheus_client.parser import text_string_to_metric_families

from app.db.database import SessionLocal
from app.platform import mail
from app.platform.models import Job, Mail, Priority
from app.platform.monitoring import backlog, health
from tests.support.jobs import enqueue

MINUTES = 6


@pytest.fixture
def ages(client, committed):
    """`ages()` returns the gauges as they are `MINUTES` minutes later."""

    def read():
        with time_machine.travel(datetime.now(UTC) + timedelta(minutes=MINUTES)):
            text = client.get("/metrics").text
        return {
            sample.name: round(sample.value / 60)
            for family in text_string_to_metric_families(text)
            for sample in family.samples
            if sample.name.startswith("liftoff_")
        }

    return read


def queue(priority=Priority.NOTICE):
    with SessionLocal() as db, db.begin():
        mail.queue_mail(db, "ada@example.com", "auth/password_changed", username="ada")
        db.flush()
        db.query(Mail).update({"priority": priority})


def is_late():
    later = datetime.now(UTC) + timedelta(minutes=MINUTES)
    with time_machine.travel(later), SessionLocal() as db:
        return backlog.is_late(db)


def test_the_oldest_of_each_is_a_metric(ages):
    queue(Priority.HELD_BACK)
    enqueue("purge.mails")
    found = ages()
    assert found["liftoff_jobs_oldest_due_seconds"] == MINUTES
    assert found["liftoff_mails_oldest_due_seconds"] == MINUTES
    assert found["liftoff_mails_held_back_seconds"] == MINUTES


def test_nothing_that_waits_is_age_0(ages):
    enqueue("purge.mails", after=timedelta(hours=1))
    assert ages()["liftoff_jobs_oldest_due_seconds"] == 0


def test_readiness_says_that_work_is_late_and_serves(client, committed):
    enqueue("purge.mails")
    health.database.forget()
    with time_machine.travel(datetime.now(UTC) + timedelta(minutes=MINUTES)):
        ready = client.get("/health/ready")
    health.database.forget()
    assert (ready.status_code, ready.json()["checks"]["work"]) == (200, "late")


@pytest.mark.parametrize(
    ("priority", "late"),
    [(Priority.LINK, True), (Priority.NOTICE, True), (Priority.HELD_BACK, False)],
)
def test_mail_is_late_unless_it_is_held_back(committed, smtp, priority, late):
    queue(priority)
    assert is_late() is late


def test_without_a_mail_server_no_mail_is_late(committed):
    queue()
    assert not is_late()


def test_the_ages_are_read_by_index(committed, statements):
    with SessionLocal() as db:
        backlog.seconds_due(db, Job)
    (statement,) = [one for one in statements if "jobs" in one]
    assert "ORDER BY jobs.due_at" in statement
    assert "LIMIT" in statement


def test_rows_are_counted_by_state(client, committed):
    enqueue("purge.mails")
    text = client.get("/metrics").text
    assert 'liftoff_work_rows{kind="job",state="waiting"} 1.0' in text
    assert 'liftoff_work_rows{kind="job",state="dead"} 0.0' in text
    assert "liftoff_webhook_lag_seconds 0.0" in text


def test_pools_and_admission_are_metrics(client, committed):
    text = client.get("/metrics").text
    assert 'liftoff_pool_size{pool="requests"} 5.0' in text
    for name in ("liftoff_pool_checked_out", "liftoff_pool_overflow", "liftoff_cache_lookups"):
        assert name in text
    assert "liftoff_admission_waiting 0.0" in text
