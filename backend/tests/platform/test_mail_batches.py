"""Email arrives in time, because several threads send it over connections that stay
open.

Emails for which someone is waiting go first.
"""

import contextlib
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Timer
from typing import Any

import pytest
import time_machine
from sqlalchemy import insert, select
from sqlalchemy.exc import OperationalError
from typer.testing import CliRunner

from app.cli import cli
from app.core.types import utc_now
from app.db.database import SessionLocal
from app.platform import mail
from app.platform.jobs.worker_threads import SENDERS, Worker
from app.platform.mail import outbox, smtp_client
from app.platform.models import Mail, Priority
from app.platform.monitoring import backlog
from tests.support.smtp import wait_until

LINK = "https://app.example.com/reset-password?token=a-token-of-nobody"
MAILS = 20


def queue(number=1, to="person", **options):
    with SessionLocal() as db, db.begin():
        for n in range(number):
            mail.queue_mail(
                db, f"{to}{n}@example.com", "auth/password_changed", username="ada", **options
            )


def queue_link(to="ada@example.com", life=timedelta(hours=1), **options):
    values: Any = {"username": "ada", "link": LINK, "minutes": 60}
    with SessionLocal() as db, db.begin():
        mail.queue_mail(db, to, "auth/reset_password", useful_for=life, **options, **values)


def mails():
    with SessionLocal() as db:
        return list(db.scalars(select(Mail).order_by(Mail.id)))


def all_sent():
    return all(one.sent_at for one in mails())


def send_all():
    """Send emails as a worker's thread does. The thread continues after a deadlock in
    MariaDB.
    """
    more = True
    while more:
        with contextlib.suppress(OperationalError):
            more = outbox.send_due()


def test_a_batch_goes_over_one_connection(committed, smtp):
    queue(MAILS)
    send_all()
    assert (len(smtp.taken), smtp.connections) == (MAILS, 1)
    assert len(smtp.times_taken()) == MAILS
    wait_until(lambda: smtp.open == 0)


def test_a_batch_ends_after_so_many_mails(committed, smtp, monkeypatch):
    monkeypatch.setattr(outbox, "BATCH_MAILS", 8)
    queue(MAILS)
    send_all()
    assert (len(smtp.taken), smtp.connections) == (MAILS, 3)


def test_a_refused_mail_costs_the_others_no_connection(committed, smtp):
    queue(3)
    smtp.rcpt_answer = "550 5.1.1 no such mailbox"
    send_all()
    assert [one.dead_at is not None for one in mails()] == [True] * 3
    smtp.rcpt_answer, smtp.data_answer = "", "554 5.6.0 malformed"
    queue(3)
    send_all()
    assert len([one for one in mails() if one.dead_at]) == 6
    assert smtp.connections == 2


@pytest.mark.parametrize("answer", ["", "421 4.7.0 enough", "452 4.5.3 enough", "503 enough"])
def test_a_server_that_ends_a_kept_line_costs_no_try(committed, smtp, answer):
    """A server may end a connection after a number of emails or a long pause.

    The next email then goes out immediately over another connection.
    """
    smtp.mails_per_line, smtp.ends_lines_by = 5, answer
    queue(MAILS)
    send_all()
    assert (len(smtp.taken), smtp.connections) == (MAILS, 4)
    assert [one.attempts for one in mails()] == [1] * MAILS
    assert set(smtp.times_taken().values()) == {1}


def test_a_new_line_that_breaks_at_once_is_a_failure(committed, smtp):
    smtp.mails_per_line = 0
    queue()
    send_all()
    (failed,) = mails()
    assert (failed.sent_at, failed.attempts, smtp.connections) == (None, 1, 1)
    assert failed.due_at > utc_now()


def test_a_reused_connection_lost_after_the_data_waits_to_retry(committed, smtp, monkeypatch):
    """The server may already have the email, and second copies must be as rare as
    possible.
    """
    settle = outbox.record_sending

    def break_afterwards(*arguments, **failure):
        settle(*arguments, **failure)
        smtp.drop_after_data = True

    monkeypatch.setattr(outbox, "record_sending", break_afterwards)
    queue(3)
    send_all()
    assert (len(smtp.taken), len(smtp.received)) == (1, 3)
    assert [one.attempts for one in mails()] == [1, 1, 1]


@pytest.mark.only("postgresql", "mysql")  # fewer threads send on SQLite
def test_a_worker_sends_by_several_threads_and_none_twice(committed, smtp):
    smtp.hold_data.clear()
    queue(SENDERS * 3)
    worker = Worker()
    worker.start()
    try:
        wait_until(lambda: smtp.held == SENDERS, 60)
        smtp.hold_data.set()
        wait_until(all_sent, 60)
    finally:
        smtp.hold_data.set()
        assert worker.stop(60)
    assert set(smtp.times_taken().values()) == {1}
    assert smtp.connections <= SENDERS * 2


def test_a_server_that_takes_few_connections_fails_no_mail(committed, smtp, monkeypatch):
    monkeypatch.setattr(outbox, "CROWDED_SECONDS", 0.01)
    smtp.max_open = 2
    smtp.hold_data.clear()
    queue(MAILS)
    with ThreadPoolExecutor(5) as threads:
        working = []
        try:
            for number in (
                1,
                2,
            ):  # one after the other: in MariaDB, the first claim may hide the second mail
                working.append(threads.submit(send_all))
                wait_until(lambda held=number: smtp.held == held)
            working += [threads.submit(send_all) for _ in range(3)]
            wait_until(lambda: sum(work.done() for work in working) == 3)
            assert {one.attempts for one in mails() if one.lease is None} == {0}
        finally:
            smtp.hold_data.set()
        for work in working:
            work.result(30)
    with time_machine.travel(datetime.now(UTC) + timedelta(minutes=1)):
        send_all()
    assert set(smtp.times_taken().values()) == {1}
    assert len(smtp.taken) == MAILS


def test_a_refused_connection_is_a_failure_of_each_email(committed, smtp):
    smtp.max_open = 0
    queue(2)
    send_all()
    assert [(one.attempts, one.lease) for one in mails()] == [(1, None)] * 2


def test_links_go_out_before_notices_and_held_back_mail_last(committed, smtp, settings):
    settings(MAIL_TO_STRANGERS_PER_HOUR="1")
    queue_link("first-stranger@example.com", to_stranger=True)
    queue_link("second-stranger@example.com", to_stranger=True)
    queue(3, to="notice")
    queue_link("owner@example.com")
    send_all()
    assert smtp.recipients == [
        "first-stranger@example.com",
        "owner@example.com",
        *(f"notice{n}@example.com" for n in range(3)),
        "second-stranger@example.com",
    ]


def test_the_next_step_of_any_thread_takes_a_late_link(committed, smtp):
    """The link does not wait until the current batch is finished."""
    smtp.hold_data.clear()
    queue(MAILS)
    with ThreadPoolExecutor(1) as threads:
        working = threads.submit(send_all)
        wait_until(lambda: smtp.held)
        queue_link("owner@example.com")
        smtp.hold_data.set()
        working.result(30)
    assert smtp.recipients.index("owner@example.com") == 1


def test_mail_of_older_code_is_a_notice(committed, smtp):
    """During a rolling deployment, older code writes no priority."""
    queue()
    with SessionLocal() as db, db.begin():
        old = {
            column.name: getattr(mails()[0], column.name)
            for column in Mail.__table__.columns
            if column.name not in ("id", "priority", "useful_until")
        }
        db.execute(insert(Mail), [old])
    assert [(one.priority, one.useful_until) for one in mails()] == [(Priority.NOTICE, None)] * 2


def test_a_mail_whose_link_has_run_out_is_not_sent(committed, smtp):
    queue_link(life=timedelta(minutes=5))
    queue()
    with time_machine.travel(datetime.now(UTC) + timedelta(minutes=6)):
        send_all()
    useless, notice = mails()
    assert smtp.recipients == ["person0@example.com"]
    assert notice.sent_at
    assert (useless.sent_at, useless.due_at, useless.body, useless.lease) == (
        None,
        None,
        None,
        None,
    )
    assert useless.last_error == "The link in this email expired before the email could be sent"
    assert CliRunner().invoke(cli, ["dead-letters"]).output == "Dead letters: 0\n"


def test_an_abandoned_email_is_a_dead_letter_despite_its_expiry(committed, smtp):
    smtp.rcpt_answer = "550 5.1.1 no such mailbox"
    queue_link(life=timedelta(minutes=5))
    send_all()
    with time_machine.travel(datetime.now(UTC) + timedelta(minutes=6)):
        assert CliRunner().invoke(cli, ["dead-letters"]).output.endswith("Dead letters: 1\n")


class Panic(BaseException):
    """A panic of a library written in Rust (`pyo3_runtime.PanicException`)."""


@pytest.mark.parametrize(
    "error", [Panic, SystemExit, KeyboardInterrupt, MemoryError, RecursionError]
)
def test_whatever_a_mail_raises_is_its_failure(committed, smtp, monkeypatch, error):
    real = mail.written_out

    def fail(one):
        if one.recipient == "person0@example.com":
            raise error("no luck")
        return real(one)

    monkeypatch.setattr(outbox, "written_out", fail)
    queue(2)
    send_all()
    assert smtp.recipients == ["person1@example.com"]
    failed = mails()[0]
    assert (failed.attempts, failed.lease, failed.dead_at) == (1, None, None)
    assert f"{error.__name__}: no luck" in failed.last_error


def test_the_time_of_a_mail_begins_with_each(committed, smtp, monkeypatch):
    """If the time began with the batch, a long batch would be cut off in the middle."""
    begun = []

    class Noted(Timer):
        def __init__(self, seconds, *rest):
            begun.append(seconds)
            super().__init__(seconds, *rest)

    monkeypatch.setattr(smtp_client, "Timer", Noted)
    queue(3)
    send_all()
    assert begun == [smtp_client.TOTAL_SECONDS] * 3 + [smtp_client.CONNECT_SECONDS]


def test_how_long_mail_has_waited_is_known(committed, smtp):
    queue()
    with time_machine.travel(datetime.now(UTC) + timedelta(minutes=3)), SessionLocal() as db:
        assert 170 < backlog.seconds_due(db, Mail) < 190
    send_all()
    with SessionLocal() as db:
        assert backlog.seconds_due(db, Mail) == 0
