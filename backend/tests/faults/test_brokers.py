"""Brokers, workers and connections to the database die while jobs send mail.

Each job queues one email. So a job that was lost or done twice shows in the table of
emails, and an email that was lost or sent twice shows at the mail server.
"""

import os
import subprocess
import sys
from collections import Counter

import httpx2
import pytest
from sqlalchemy import create_engine, func, make_url, select, text, update

from app.core.config import BACKEND
from app.db import clock
from app.db.database import SessionLocal
from app.platform.jobs.worker_threads import SENDERS
from app.platform.models import Job, Mail
from tests.faults.figures import record
from tests.support.brokers import own_broker
from tests.support.server import running_server
from tests.support.smtp import wait_until
from tests.support.workers import workers

pytestmark = [pytest.mark.faults, pytest.mark.only("postgresql")]
LETTERS = 120
KINDS = ["redis", pytest.param("rabbitmq", marks=pytest.mark.long)]
DECLARED = """
import sys, time
from app.platform import jobs
from app.platform.mail import queue_mail

@jobs.job("test.letter")
def letter(db, payload):
    queue_mail(db, payload["to"], "auth/password_changed", username="ada")
    db.flush()
    time.sleep(0.02)
"""
WORKER = f"""{DECLARED}
from app import worker
from app.platform.jobs import celery_worker

celery_worker.SILENT_SECONDS = 4
sys.exit(worker.main())
"""
# This process commits one job after another, as a server does, even without a broker.
PRODUCER = f"""{DECLARED}
from sqlalchemy.exc import SQLAlchemyError
from app.db.database import SessionLocal

for number in range({LETTERS}):
    while True:
        try:
            with SessionLocal() as db, db.begin():
                to = f"n{{number}}@example.com"
                jobs.enqueue(db, "test.letter", {{"to": to}}, key=to)
            break
        except SQLAlchemyError:
            time.sleep(0.1)
    time.sleep(0.02)
"""


@pytest.fixture(params=KINDS)
def broker(request, settings):
    with own_broker(request.param) as own:
        settings(CELERY_BROKER_URL=own.url)
        yield own


@pytest.fixture
def producer(committed, broker):
    process = subprocess.Popen([sys.executable, "-c", PRODUCER], cwd=BACKEND, env=os.environ)
    yield process
    process.kill()
    process.wait()


def sent():
    with SessionLocal() as db:
        return db.scalar(select(func.count(Mail.id)).where(Mail.sent_at.is_not(None))) or 0


def letters_left():
    with SessionLocal() as db:
        return db.scalar(select(func.count(Job.id)).where(Job.kind == "test.letter")) or 0


def end_leases():
    """Make the work of dead workers due now. Otherwise, it would be due when its lease
    ends, some minutes later.
    """
    with SessionLocal() as db, db.begin():
        for model in (Job, Mail):
            db.execute(update(model).where(model.lease.is_not(None)).values(due_at=clock.now()))


def check_all_done(producer, smtp, broker, what, *, cut=0):
    """Each letter was written once and sent.

    Only an email that a worker was sending when it was killed may have been sent twice.
    """
    assert producer.wait(120) == 0
    wait_until(lambda: not letters_left() and sent() == LETTERS, 120)
    with SessionLocal() as db:
        written = Counter(db.scalars(select(Mail.recipient).order_by(Mail.id)))
    assert (len(written), max(written.values())) == (LETTERS, 1)
    twice = sum(times - 1 for times in smtp.times_taken().values())
    assert (len(smtp.times_taken()), twice <= cut) == (LETTERS, True)
    promise = f"{what} ({broker.kind}): {LETTERS} jobs with an email each"
    record("R7", promise, f"lost 0, jobs done twice 0, emails sent twice {twice}")


def test_nothing_is_lost_or_doubled_if_the_broker_dies(producer, smtp, broker):
    with workers(2, "-c", WORKER) as (_, logs):
        wait_until(lambda: sent() > 5)
        broker.kill()
        wait_until(lambda: all("broker_silent" in log.read_text() for log in logs), 120)
        broker.start()
        check_all_done(producer, smtp, broker, "the broker is killed")
        wait_until(lambda: all("broker_heard_again" in log.read_text() for log in logs), 120)


@pytest.mark.long
def test_nothing_is_lost_or_doubled_if_the_broker_hangs(producer, smtp, broker):
    with workers(2, "-c", WORKER):
        wait_until(lambda: sent() > 5)
        broker.stop()
        check_all_done(producer, smtp, broker, "the broker hangs")
        broker.go_on()


@pytest.mark.long
def test_nothing_is_lost_or_doubled_if_workers_die(producer, smtp, broker):
    for _ in range(3):
        before = sent()
        with workers(1, "-c", WORKER):  # the end of the block kills the worker
            wait_until(lambda seen=before: sent() > seen + 5)
        end_leases()
    with workers(1, "-c", WORKER):
        check_all_done(producer, smtp, broker, "three workers are killed", cut=3 * SENDERS)


@pytest.mark.long
def test_nothing_is_lost_or_doubled_if_connections_die(producer, smtp, broker):
    """The database ends all connections, several times."""
    url = make_url(os.environ["DATABASE_URL"])
    admin = create_engine(url.set(database="postgres"), isolation_level="AUTOCOMMIT")
    ending = text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = :name")
    with workers(2, "-c", WORKER), admin.connect() as connection:
        for _ in range(3):
            before = sent()
            wait_until(lambda seen=before: sent() > seen + 5)
            connection.execute(ending, {"name": url.database})
        check_all_done(producer, smtp, broker, "connections to the database die")
    admin.dispose()


def test_requests_do_not_wait_for_a_broker_that_hangs(committed, smtp, broker):
    """The email is sent while the broker still hangs, so neither the request nor the
    worker waits for the broker.
    """
    person = {"username": "ada", "email": "ada@example.com", "password": "correct horse battery"}
    broker.stop()
    with running_server() as server, workers(1, "-c", WORKER) as (running, logs):
        answer = httpx2.post(f"{server.url}/auth/register", json=person, timeout=60)
        assert answer.status_code == 202
        wait_until(lambda: smtp.taken, 120)
        checks = httpx2.get(f"{server.url}/health/ready", timeout=60).json()["checks"]
        assert checks["broker"] == "unreachable"
        running[0].terminate()
        assert running[0].wait(60) == 0, logs[0].read_text()
    record("R20", f"{broker.kind} hangs", "202, the mail is sent, the worker ends")
