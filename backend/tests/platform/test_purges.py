"""Each table has one purge job, which deletes in batches and runs again immediately
until it has finished.

If a purge is late, operators see that.
"""

from datetime import timedelta
from functools import partial

import pytest
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import func, select

from app.core.types import utc_now
from app.db import batches
from app.db.database import Base, SessionLocal
from app.platform import jobs, purges
from app.platform.jobs import job_runs, recurrence
from app.platform.models import IdempotencyKey, Job, Lane
from app.platform.monitoring import purge_metrics
from tests.support.filled import OURS
from tests.support.jobs import rows

HOUR = timedelta(hours=1)
KEPT = {  # tables that have no purge, each with the reason
    "batch_positions": "one for each command that has not finished",
    "users": "accounts; of registrations that nobody finished it is purged",
    "identities": "go with their account",
    "totps": "go with their account",
    "recovery_codes": "go with their account, and are replaced together",
    "kept_keys": "one for each purpose",
    "plans": "as many as prices were ever offered",
    "subscriptions": "the history of a payer, with whom they go",
    "payment_invoices": "the history of a payer, with whom they go",
    "blog_categories": "content",
    "blog_posts": "content, which goes with its author",
    "blog_revisions": "at most 50 for each post, with which they go",
    "blog_former_slugs": "at most 20 for each post, with which they go",
    "blog_counts": "one for each author, category and month",
    "blog_count_state": "has one row",
    "blog_uncounted": "emptied by the job that counts",
}


@pytest.fixture(autouse=True)
def _nothing_told(monkeypatch):
    monkeypatch.setattr(purges, "looked_for_late", {})
    monkeypatch.setattr(purge_metrics.collector, "asked_at", -purge_metrics.FRESH)


def keys(*ages):
    """Add one idempotency key for each of these ages. The age is the time since the key
    expired.
    """
    with SessionLocal() as db, db.begin():
        db.add_all(
            IdempotencyKey(digest=f"{age}", fingerprint="x", expires_at=utc_now() - age)
            for age in ages
        )


def left():
    with SessionLocal() as db:
        return db.scalar(select(func.count(IdempotencyKey.id)))


def purge_keys():
    """Run the job as a worker does."""
    with SessionLocal() as db, db.begin():
        jobs.enqueue(db, "purge.idempotency_keys", key="recurring purge.idempotency_keys")
    return partial(job_runs.run_next, lane=Lane.RECURRING)


@pytest.fixture
def only_keys(committed, monkeypatch):
    """Plan no recurring jobs, so that no other job is due."""
    monkeypatch.setattr(recurrence.planner, "plan", lambda: None)


def test_each_table_has_a_purge_or_a_reason_to_have_none():
    purged = {declared.table for declared in purges.all_purges()}
    ours = {m.local_table for m in Base.registry.mappers if m.class_.__module__.startswith(OURS)}
    tables = {str(table) for table in ours}
    assert (
        tables - purged == (KEPT.keys() & tables) - purged
    )  # the tables of a deleted feature do not exist


def test_each_table_has_a_job_of_its_own_that_comes_every_hour():
    planned = {
        name: kind.every for name, kind in jobs.job_kinds().items() if name.startswith("purge.")
    }
    assert planned == {f"purge.{declared.table}": HOUR for declared in purges.all_purges()}


def test_what_has_run_out_goes_and_the_job_comes_in_an_hour(only_keys):
    keys(HOUR, -HOUR)
    assert purge_keys()()
    (job,) = rows()
    assert left() == 1
    assert job.due_at > utc_now() + HOUR / 2


def test_a_purge_that_has_not_finished_comes_again_at_once(only_keys, monkeypatch):
    monkeypatch.setattr(purges, "in_batches", partial(batches.in_batches, size=2, budget=0))
    keys(*(HOUR * n for n in range(1, 6)))
    run_next = purge_keys()
    seen = []
    while run_next():
        seen.append((left(), rows()[0].payload != {}))
    assert seen == [(3, True), (1, True), (0, False)]
    assert rows()[0].due_at > utc_now() + HOUR / 2


def test_batches_stand_though_the_job_fails(only_keys, monkeypatch):
    keys(*(HOUR * n for n in range(1, 6)))
    delete = batches.batch_deletion(IdempotencyKey)
    deleted: list[int] = []

    def fail_in_the_end(db, ids):
        if len(deleted) == 4:
            raise RuntimeError("no luck")
        delete(db, ids)
        deleted.extend(ids)

    def one_by_one(sessions, _work, *rest, **options):
        endless = options | {"size": 1, "budget": None, "rest": 0.0}
        return batches.in_batches(sessions, fail_in_the_end, *rest, **endless)

    monkeypatch.setattr(purges, "in_batches", one_by_one)
    assert purge_keys()()
    assert left() == 1
    assert "no luck" in rows()[0].last_error


def gauge(client):
    families = text_string_to_metric_families(client.get("/metrics").text)
    (found,) = [family for family in families if family.name == "liftoff_purge_overdue_seconds"]
    return {sample.labels["table"]: sample.value for sample in found.samples}


def test_the_metric_tells_for_how_long_the_first_row_waits(client, committed):
    keys(2 * HOUR, HOUR)
    late = gauge(client)
    assert late.keys() == {declared.table for declared in purges.all_purges()}
    assert late["idempotency_keys"] == pytest.approx(7200, abs=60)
    assert late["mails"] == 0


def test_the_metric_asks_once_a_minute_however_often_it_is_read(client, db, monkeypatch):
    asked: list[object] = []
    ask = purges.overdue_purges

    def note(session):
        asked.append(session)
        return ask(session)

    monkeypatch.setattr(purges, "overdue_purges", note)
    assert gauge(client) == gauge(client)
    assert len(asked) == 1


def test_an_alarm_is_raised_once_when_a_row_is_a_day_late(only_keys, logged):
    keys(timedelta(hours=25))
    run_next = purge_keys()
    assert run_next()
    (alarm,) = [line for line in logged() if line["event"] == "purge_overdue"]
    assert (alarm["level"], alarm["table"]) == ("error", "idempotency_keys")
    keys(timedelta(hours=25))
    with SessionLocal() as db, db.begin():
        db.scalars(select(Job)).one().due_at = utc_now()
    assert run_next()
    assert [line["event"] for line in logged()].count("purge_overdue") == 1


def test_an_hour_late_is_no_alarm(only_keys, logged):
    keys(HOUR)
    assert purge_keys()()
    assert "purge_overdue" not in {line["event"] for line in logged()}


def test_a_purge_that_always_fails_is_told_of(only_keys, logged, monkeypatch):
    keys(timedelta(hours=25))

    def broken(*_arguments, **_options):
        raise RuntimeError

    monkeypatch.setattr(purges, "in_batches", broken)
    assert purge_keys()()
    assert "purge_overdue" in {line["event"] for line in logged()}


@pytest.fixture
def logged(settings):
    import io
    import json

    from app.core.config import get_settings
    from app.core.logging import configure_logging

    settings(LOG_FORMAT="json")
    stream = io.StringIO()
    configure_logging(get_settings(), stream)
    return lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
