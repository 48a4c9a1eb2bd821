"""Operators see jobs and emails that failed for good, and can retry them (R10)."""

from datetime import UTC, datetime, timedelta
from functools import partial

import pytest
import time_machine
from sqlalchemy import func, select
from typer.testing import CliRunner

from app.cli import cli
from app.core.types import utc_now
from app.db import batches
from app.db.database import SessionLocal
from app.platform import jobs
from app.platform.jobs import job_runs
from app.platform.mail import outbox, queue_mail
from app.platform.models import Job, Mail
from app.platform.queues import dead_letters, leases

GONE = datetime(2030, 1, 1, 12, tzinfo=UTC)


def run(*arguments):
    return CliRunner().invoke(cli, list(arguments))


def kill(table, *, error="no luck", at=GONE, **columns):
    """Make a dead letter and return its name."""
    row = table(**columns, due_at=None, give_up_at=at, dead_at=at, attempts=31, last_error=error)
    with SessionLocal() as db, db.begin():
        db.add(row)
        db.flush()
        return f"{table.__name__.lower()}:{row.id}"


@pytest.fixture
def dead_mail(committed):
    """An email that the server refused. The refusal contains the recipient."""
    with SessionLocal() as db, db.begin():
        queue_mail(db, "ada.lovelace@example.com", "auth/password_changed", username="ada")
    with SessionLocal() as db, db.begin():
        mail = db.scalars(select(Mail)).one()
        mail.due_at, mail.dead_at, mail.give_up_at, mail.attempts = None, GONE, GONE, 31
        mail.last_error = "550 5.7.1 <ada.lovelace@example.com>: relay access denied"
        return f"mail:{mail.id}"


@pytest.fixture
def dead_job(committed):
    return kill(
        Job,
        kind="purge.users",
        payload={},
        error="RuntimeError: no luck",
        at=GONE + timedelta(minutes=1),
    )


def test_where_nothing_is_dead_nothing_is_listed(committed):
    with SessionLocal() as db, db.begin():
        queue_mail(db, "ada@example.com", "auth/password_changed", username="ada")
        jobs.enqueue(db, "purge.users")
    assert run("dead-letters").output == "Dead letters: 0\n"


def test_dead_letters_are_listed_with_reason_and_masked_address(dead_mail, dead_job):
    done = run("dead-letters")
    assert done.exit_code == 0
    assert done.output == (
        f"{dead_mail:<12} since 2030-01-01 12:00 UTC  a…@example.com, Your password was changed\n"
        "             attempts: 31  550 5.7.1 <a…@example.com>: relay access denied\n"
        f"{dead_job:<12} since 2030-01-01 12:01 UTC  purge.users\n"
        "             attempts: 31  RuntimeError: no luck\n"
        "Dead letters: 2\n"
    )


def test_a_requeued_email_keeps_its_message_id(dead_mail, dead_job, smtp):
    done = run("requeue", dead_mail)
    assert (done.exit_code, done.output) == (0, "Queued again: 1\n")
    assert outbox.send_due()
    with SessionLocal() as db:
        mail = db.scalars(select(Mail)).one()
        assert (smtp.taken[0]["Message-ID"], mail.attempts, mail.dead_at) == (
            mail.message_id,
            1,
            None,
        )
        assert db.scalars(select(Job)).one().dead_at, "nobody asked for the job"


def test_what_is_queued_again_has_a_whole_day_of_tries(dead_mail, smtp):
    smtp.rcpt_answer = "554 5.7.1 relay access denied"
    with time_machine.travel(GONE + timedelta(days=3), tick=False):
        run("requeue", dead_mail)
        outbox.send_due()
        with SessionLocal() as db:
            mail = db.scalars(select(Mail)).one()
            assert mail.dead_at is None
            assert timedelta() < (mail.due_at or utc_now()) - utc_now() < timedelta(seconds=7)
            assert mail.give_up_at == utc_now() + timedelta(hours=24)


def test_all_of_them_are_queued_again_and_done(dead_mail, dead_job, smtp):
    done = run("requeue", "--all")
    assert (done.exit_code, done.output) == (0, "Queued again: 2\n")
    assert outbox.send_due()
    while job_runs.run_next():
        pass
    with SessionLocal() as db:
        assert db.scalars(select(Job).where(Job.key.is_(None))).all() == [], (
            "the revived one does not recur beside its heir"
        )
    assert run("dead-letters").output == "Dead letters: 0\n"


@pytest.mark.parametrize(
    "name", ["mail:0", "mail:x", "mail:", "mail", "user:1", "job:9999999999999999999", "mail:-1"]
)
def test_one_unknown_name_and_nothing_is_changed(dead_mail, name):
    done = run("requeue", "--", dead_mail, name)
    assert done.exit_code == 1
    assert done.output == f"There is no dead letter {name}. Nothing was changed.\n"
    with SessionLocal() as db:
        assert db.scalars(select(Mail)).one().dead_at == GONE


def test_what_lives_is_not_queued_again(committed):
    """Otherwise, a job would run twice, or before it is due again."""
    with SessionLocal() as db, db.begin():
        queue_mail(db, "ada@example.com", "auth/password_changed", username="ada")
        db.flush()
        living = db.scalars(select(Mail.id)).one()
    assert run("requeue", f"mail:{living}").exit_code == 1


@pytest.mark.parametrize("arguments", [[], ["mail:1", "--all"]])
def test_either_names_or_all(committed, arguments):
    done = run("requeue", *arguments)
    assert done.exit_code == 1
    assert done.output == "Name one or more dead letters, such as mail:12, or pass --all.\n"


def test_of_very_many_the_newest_are_listed_and_all_are_counted(committed, monkeypatch, statements):
    monkeypatch.setattr(dead_letters, "SHOWN", 2)
    names = [
        kill(Job, kind="purge.users", payload={}, at=GONE + timedelta(minutes=n)) for n in range(4)
    ]
    statements.clear()
    shown = run("dead-letters").output
    assert [one for one in statements if "LIMIT" not in one] == []
    assert [name in shown for name in names] == [False, False, True, True]
    assert shown.endswith("Dead letters: 4. The newest 2 are shown.\n")


def test_all_are_requeued_in_independent_batches(committed, monkeypatch):
    for n in range(4):
        kill(Job, kind="purge.users", payload={}, at=GONE + timedelta(minutes=n))
    revived: list[int] = []

    def revive(db, model, *conditions):
        if len(revived) == 2:
            raise RuntimeError
        revived.append(leases.revive_dead_letters(db, model, *conditions))

    monkeypatch.setattr(dead_letters, "revive_dead_letters", revive)
    monkeypatch.setattr(dead_letters, "in_batches", partial(batches.in_batches, size=1))
    assert run("requeue", "--all").exit_code == 1
    with SessionLocal() as db:
        assert db.scalar(select(func.count(Job.id)).where(Job.dead_at.is_(None))) == 2
