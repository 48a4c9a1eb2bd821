"""For each fault of a mail server or worker, the tests count attempts, copies and
losses (R10).
"""

import signal
from collections import Counter
from contextlib import contextmanager
from datetime import timedelta
from typing import NamedTuple

import pytest
from sqlalchemy import delete, func, select, update

from app.db import clock
from app.db.database import SessionLocal
from app.platform.mail import outbox, queue_mail, smtp_client
from app.platform.models import Mail
from app.platform.queues import leases
from tests.support.server import free_port
from tests.support.smtp import wait_until
from tests.support.workers import workers

MAILS = 5


class Cost(NamedTuple):
    """The results of five emails whose first attempt meets the fault.

    `received` counts the emails that the server received completely, `taken` counts the
    emails that the server accepted with 250, and `ids` counts the different
    Message-IDs.
    """

    attempts: int
    received: int
    taken: int
    sent: int
    dead: int
    ids: int


PROMISED = {
    "none": Cost(attempts=5, received=5, taken=5, sent=5, dead=0, ids=5),
    "refused at connect": Cost(attempts=10, received=5, taken=5, sent=5, dead=0, ids=5),
    "421 at RCPT": Cost(attempts=10, received=5, taken=5, sent=5, dead=0, ids=5),
    "451 at RCPT": Cost(attempts=10, received=5, taken=5, sent=5, dead=0, ids=5),
    "554 5.7.1 at RCPT": Cost(attempts=10, received=5, taken=5, sent=5, dead=0, ids=5),
    "550 5.1.1 at RCPT": Cost(attempts=5, received=0, taken=0, sent=0, dead=5, ids=0),
    "451 at DATA": Cost(attempts=10, received=10, taken=5, sent=5, dead=0, ids=5),
    "hangs in DATA": Cost(attempts=10, received=10, taken=5, sent=5, dead=0, ids=5),
    "drops after DATA": Cost(attempts=10, received=10, taken=5, sent=5, dead=0, ids=5),
    "worker killed in DATA": Cost(attempts=6, received=6, taken=5, sent=5, dead=0, ids=5),
    "worker killed behind the 250": Cost(attempts=6, received=6, taken=6, sent=5, dead=0, ids=5),
}


@pytest.fixture
def fault(smtp, settings, monkeypatch):
    """In a block `with fault(name):`, the first attempts meet the fault, and later
    attempts succeed.
    """
    port = smtp.port

    monkeypatch.setattr(
        leases, "FIRST_DELAY", 600.0
    )  # no email is tried again before `an_hour_later`

    @contextmanager
    def meet(name):
        answer = name.removesuffix(" at RCPT").removesuffix(" at DATA")
        if name == "refused at connect":
            settings(SMTP_PORT=str(free_port()))
        elif name.endswith("at RCPT"):
            smtp.rcpt_answer = f"{answer} no"
        elif name.endswith("at DATA"):
            smtp.data_answer = f"{answer} no"
        elif name == "hangs in DATA":
            monkeypatch.setattr(smtp_client, "ANSWER_SECONDS", 1.0)
            smtp.hold_data.clear()
        elif name == "drops after DATA":
            smtp.drop_after_data = True
        yield
        monkeypatch.setattr(smtp_client, "ANSWER_SECONDS", 10.0)
        settings(SMTP_PORT=str(port))
        smtp.rcpt_answer = smtp.data_answer = ""
        smtp.drop_after_data = False
        go_on(smtp)

    return meet


def send_all():
    while outbox.send_due():
        pass


def an_hour_later():
    """Let an hour pass. Leases are then over, and failed emails are due again."""
    with SessionLocal() as db, db.begin():
        db.execute(update(Mail).where(Mail.due_at.is_not(None)).values(due_at=clock.now()))


def go_on(smtp):
    """Release the server's held connections, except those whose client has hung up."""
    wait_until(lambda: smtp.held == 0)
    smtp.hold_data.set()


def kill_a_worker(smtp, *, behind):
    """Kill a worker in the middle of sending.

    The worker is killed before the server answers or, with `behind`, after the server
    has accepted the email and before we have recorded that.
    """
    smtp.hold_data.clear()
    with (
        SessionLocal() as db,
        db.begin(),
    ):  # only one mail is due, so only one is being sent, however many threads there are
        others = update(Mail).where(Mail.id != db.scalar(select(func.min(Mail.id))))
        db.execute(others.values(due_at=clock.now(timedelta(hours=1))))
    with workers(1) as (running, _):
        wait_until(lambda: smtp.received)
        if behind:
            running[0].send_signal(
                signal.SIGSTOP
            )  # the worker is stopped, so it does not read the server's answer
            smtp.hold_data.set()
            wait_until(lambda: smtp.taken)
        running[0].kill()
        running[0].wait()
    go_on(smtp)
    with SessionLocal() as db, db.begin():
        lease_end = db.scalars(select(Mail.due_at).where(Mail.lease.is_not(None))).one()
        assert lease_end
        assert lease_end > clock.read_database_time(db)


def cost(smtp):
    with SessionLocal() as db, db.begin():
        mails = list(db.scalars(select(Mail)))
        db.execute(delete(Mail))
    ids = Counter(str(mail["Message-ID"]) for mail in smtp.received)
    assert set(ids) <= {mail.message_id for mail in mails}
    counted = Cost(
        attempts=sum(mail.attempts for mail in mails),
        received=len(smtp.received),
        taken=len(smtp.taken),
        sent=sum(mail.sent_at is not None for mail in mails),
        dead=sum(mail.dead_at is not None for mail in mails),
        ids=len(ids),
    )
    smtp.received.clear()
    smtp.taken.clear()
    return counted


@pytest.mark.slow
def test_no_fault_loses_an_email_and_copies_share_a_message_id(committed, smtp, fault, capsys):
    measured = {}
    for name in PROMISED:
        with SessionLocal() as db, db.begin():
            for n in range(MAILS):
                queue_mail(db, f"person{n}@example.com", "auth/password_changed", username="ada")
        if name.startswith("worker killed"):
            kill_a_worker(smtp, behind=name.endswith("250"))
        else:
            with fault(name):
                send_all()
        an_hour_later()
        send_all()
        measured[name] = cost(smtp)
    with capsys.disabled():
        print(  # noqa: T201 - the figures that the test is run for
            f"\n{MAILS} mails, first try meets".ljust(32),
            *(f"{column:>9}" for column in Cost._fields),
        )
        for name, counted in measured.items():
            print(name.ljust(31), *(f"{number:>9}" for number in counted))  # noqa: T201
    assert measured == PROMISED
