"""Several workers run as processes. Some are killed or stopped (R7 and R10)."""

import signal
import time
from datetime import timedelta

import pytest
from sqlalchemy import select, update

from app.core.types import utc_now
from app.db import clock as db_clock
from app.db.database import SessionLocal
from app.platform.jobs.worker_threads import SENDERS
from app.platform.mail import queue_mail
from app.platform.models import Job, Mail
from tests.support.server import running_server
from tests.support.smtp import wait_until
from tests.support.workers import workers

MAILS = 200


def queue(number=1):
    with SessionLocal() as db, db.begin():
        for n in range(number):
            queue_mail(db, f"person{n}@example.com", "auth/password_changed", username="ada")


def mails():
    # On SQLite, a session that may write would wait for the workers, because there is
    # only one writer at a time.
    with SessionLocal(info={"reading": True}) as db:
        return list(db.scalars(select(Mail)))


def end(process):
    process.send_signal(signal.SIGTERM)
    return process.wait(60)


@pytest.mark.slow
def test_three_workers_send_two_hundred_mails_and_none_twice(committed, smtp, capsys):
    queue(MAILS)
    with workers(3) as (running, logs):
        wait_until(lambda: smtp.taken, 60)
        began = time.monotonic()
        wait_until(lambda: all(mail.sent_at for mail in mails()), 60)
        seconds = time.monotonic() - began
        assert [end(process) for process in running] == [0, 0, 0]
        shares = [log.read_text().count("mail_sent") for log in logs]
        purges = sum(log.read_text().count("kind=purge.mails") for log in logs)
    counts = smtp.times_taken()
    assert (len(counts), max(counts.values())) == (MAILS, 1)
    assert purges == 1, [log.read_text()[-3000:] for log in logs]
    with capsys.disabled():
        print(f"\n{MAILS} mails by 3 workers in {seconds:.1f} s, shares {shares}, sent twice: 0")  # noqa: T201 - the figure that the test is run for


def test_a_worker_killed_before_sending_only_delays_the_email(committed, smtp):
    smtp.hold_data.clear()
    queue()
    with workers(1) as (running, _):
        wait_until(lambda: smtp.received)
        running[0].kill()
        running[0].wait()
    smtp.data_answer = "451 nobody waits for this"  # refuse the killed worker's email
    smtp.hold_data.set()
    wait_until(lambda: mails()[0].lease)
    time.sleep(0.1)
    smtp.data_answer = ""
    with SessionLocal() as db, db.begin():
        lease_end = db.scalars(select(Mail.due_at)).one()
        assert lease_end
        assert lease_end > utc_now() + timedelta(seconds=60), "leased by the dead worker"
        db.execute(update(Mail).values(due_at=db_clock.now()))  # two minutes later
    with workers(1) as (running, _):
        wait_until(lambda: mails()[0].sent_at)
        assert end(running[0]) == 0
    assert list(smtp.times_taken().values()) == [1]
    assert len(smtp.received) == 2
    assert len({mail["Message-ID"] for mail in smtp.received}) == 1


def test_sigterm_lets_the_mail_in_hand_be_sent(committed, smtp):
    smtp.hold_data.clear()
    queue(2 * SENDERS)
    with workers(1) as (running, logs):
        wait_until(lambda: smtp.received)
        running[0].send_signal(signal.SIGTERM)
        wait_until(lambda: "worker_stopping" in logs[0].read_text())
        assert running[0].poll() is None
        smtp.hold_data.set()
        assert running[0].wait(60) == 0
    assert 1 <= len(smtp.taken) <= SENDERS
    assert sum(bool(mail.sent_at) for mail in mails()) == len(smtp.taken)
    assert all(mail.lease is None for mail in mails())


def test_the_web_process_works_itself_when_it_is_told_to(committed, smtp):
    with running_server(EMBEDDED_WORKER="true") as server:
        queue()
        wait_until(lambda: mails()[0].sent_at)
        began = time.monotonic()
        server.process.terminate()
        assert server.process.wait(60) in (
            0,
            -signal.SIGTERM,
        )  # uvicorn ends with the signal that it received
        assert time.monotonic() - began < 25
        assert "worker_stopped" in server.log
    assert list(smtp.times_taken().values()) == [1]


def test_a_web_process_runs_no_jobs_unless_configured_to(committed, smtp):
    with running_server():
        queue()
        time.sleep(0.5)
    assert smtp.received == []
    with SessionLocal() as db:
        assert db.scalars(select(Job)).all() == []
