"""Workers never die silently, and urgent emails overtake a storm of notices."""

import subprocess
import sys
from datetime import timedelta

import pytest
from sqlalchemy import select

from app.core.config import BACKEND
from app.db.database import SessionLocal
from app.platform.jobs.worker_threads import SENDERS
from app.platform.mail import queue_mail
from app.platform.models import Mail
from tests.faults.figures import record
from tests.support.smtp import far_away, wait_until
from tests.support.workers import workers

pytestmark = pytest.mark.faults

DYING = """
import sys
from app.platform.jobs import job_runs

class Panic(BaseException):
    pass

def panic(**_):
    raise Panic

job_runs.run_next = panic
from app import worker
sys.exit(worker.main())
"""


@pytest.fixture(params=[200, pytest.param(1000, marks=pytest.mark.long)])
def storm(request, committed):
    """The number of waiting emails: a few in CI, more with `make check-long`."""
    with SessionLocal() as db, db.begin():
        for n in range(request.param):
            to = f"payer{n}@example.com"
            queue_mail(db, to, "auth/password_changed", username="payer")
    return request.param


def queue_link():
    link = "https://app.example.com/reset-password?token=x"
    with SessionLocal() as db, db.begin():
        life = timedelta(hours=1)
        to, template = "ada@example.com", "auth/reset_password"
        queue_mail(db, to, template, useful_for=life, minutes=60, username="ada", link=link)


def unsent():
    with SessionLocal() as db:
        return len(list(db.scalars(select(Mail.id).where(Mail.sent_at.is_(None)))))


def test_a_worker_whose_thread_has_ended_exits_with_1(committed):
    done = subprocess.run(
        [sys.executable, "-c", DYING],
        cwd=BACKEND,
        check=False,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 1, done.stdout + done.stderr
    assert "worker_thread_ended" in done.stdout
    record("R7", "a worker whose thread has ended exits with 1", f"exit code {done.returncode}")


def test_a_link_overtakes_a_storm(smtp, storm):
    """A user requests a link after the whole storm is queued, while the worker is
    sending the storm.
    """
    smtp.hold_data.clear()
    with workers(1):
        wait_until(lambda: smtp.held == SENDERS, 60)
        queue_link()
        smtp.hold_data.set()
        wait_until(lambda: len(smtp.taken) == storm + 1, 300)
    place = smtp.recipients.index("ada@example.com") + 1
    assert place <= 3 * SENDERS, "the mails that were in hand, and some of the threads' next"
    assert max(smtp.times_taken().values()) == 1
    record("R10", f"a link overtakes {storm} notices", f"sent as number {place}")


def test_a_storm_goes_over_few_connections_from_far_away(smtp, settings, storm):
    """The test checks the number of emails for each connection, and not the speed.

    If each response takes 50 ms, one connection sends only 5 emails a second, however
    fast the machine is.
    """
    with far_away(smtp.port, 0.05) as port:
        settings(SMTP_PORT=str(port))
        with workers(1):
            wait_until(lambda: not unsent(), 300)
    assert max(smtp.times_taken().values()) == 1
    assert smtp.connections <= storm / 4
    record("R10", f"{storm} mails to a server 50 ms away", f"{smtp.connections} connections")
