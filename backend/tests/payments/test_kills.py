"""Even if a process is killed at any step, an event takes effect exactly once (R7, R12,
requirement 51).

The process is killed between the receipt and the acknowledgement of an event, or during
the work after that. Stripe resends an event that was not acknowledged. When the lease
of a dead worker has expired, another worker takes its event.
"""

import os
import subprocess
import sys
import time
from contextlib import contextmanager

import httpx2
import pytest
from sqlalchemy import select, update

from app.core.config import BACKEND
from app.db import clock as db_clock
from app.db.database import SessionLocal
from app.platform.models import Job
from app.routers.payments.models import Invoice, Notice, Subscription, WebhookEvent
from tests.auth.factories import make_user
from tests.payments.dying import RECEIPT, WORK
from tests.payments.factories import sell_plans
from tests.payments.steps import payer, subscribe, work
from tests.payments.stripe_side import plain_http, send
from tests.support.mails import mails_to
from tests.support.server import free_port

WAIT_SECONDS = 60


@contextmanager
def dying(role, points, **variables):
    """Run `tests.payments.dying`, whose child processes die one after the other.

    `begin()` starts the work of the next child, and `next_death()` waits until that
    child is dead and returns the step.
    """
    command = [sys.executable, "-m", "tests.payments.dying", role, *points]
    environment = {**os.environ, "LOG_LEVEL": "error", **variables}
    with subprocess.Popen(
        command,
        cwd=BACKEND,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        assert process.stdin
        assert process.stdout
        lines, output = process.stdin, process.stdout

        def begin():
            lines.write("\n")
            lines.flush()

        try:
            yield begin, lambda: output.readline().strip()
        finally:
            os.killpg(process.pid, 9)


def listens(url):
    try:
        return plain_http().get(f"{url}/health/live").is_success
    except httpx2.TransportError:
        return False


def wait_for(is_so):
    deadline = time.monotonic() + WAIT_SECONDS
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def events_known():
    with SessionLocal() as db:
        events = {row.event_id: row.id for row in db.scalars(select(WebhookEvent))}
        jobs = {
            job.payload["id"]
            for job in db.scalars(select(Job).where(Job.kind == "payments.process_event"))
        }
        return set(events), {name for name, number in events.items() if number in jobs}


def leases_run_out():
    """Let five minutes pass, so that leases expire."""
    with SessionLocal() as db, db.begin():
        db.execute(update(Job).where(Job.lease.is_not(None)).values(due_at=db_clock.now()))


def one_effect(user, subscription):
    """Assert that paying for the subscription had each of its effects exactly once."""
    with SessionLocal() as db:
        rows = list(db.scalars(select(Subscription).where(Subscription.stripe_id == subscription)))
        invoices = list(
            db.scalars(select(Invoice).where(Invoice.customer_id == rows[0].customer_id))
        )
        notices = list(
            db.scalars(select(Notice.key).where(Notice.customer_id == rows[0].customer_id))
        )
    receipts = [mail for mail in mails_to(user.email) if mail.subject.startswith("Receipt")]
    assert [(row.status, row.live_customer_id == row.customer_id) for row in rows] == [
        ("active", True)
    ]
    assert [(invoice.status, invoice.amount_paid) for invoice in invoices] == [("paid", 4900)]
    assert notices == [f"receipt {invoices[0].stripe_id}"]
    assert len(receipts) == 1


def test_events_a_killed_server_did_not_acknowledge_are_resent(committed, client, stripe_side):
    """The server is killed once at each step. Each time, one event is not acknowledged.

    Stripe resends all these events, and they are processed.
    """
    sell_plans()
    user = make_user()
    subscription = subscribe(stripe_side, user)
    events = stripe_side.events(payer(user).stripe_id)[-len(RECEIPT) :]
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    kept = {}
    with dying("server", RECEIPT, PORT=str(port), EMBEDDED_WORKER="false") as (begin, next_death):
        for point, event in zip(RECEIPT, events, strict=True):
            begin()
            wait_for(lambda: listens(url))
            with pytest.raises(httpx2.TransportError):
                send(httpx2.Client(base_url=url, timeout=WAIT_SECONDS), event)
            assert next_death() == point
            kept[point] = events_known()
        begin()
        wait_for(lambda: listens(url))
    committed_ids = {events[-1]["id"]}
    assert list(kept.values()) == [(set(), set())] * (len(RECEIPT) - 1) + [
        (committed_ids, committed_ids)
    ]
    for _ in range(2):
        assert {send(client, event).status_code for event in events} == {200}
    assert events_known()[0] == {event["id"] for event in events}
    work()
    assert events_known()[1] == set()
    one_effect(user, subscription)


def test_a_worker_that_dies_leaves_its_event_to_another(committed, client, stripe_side):
    """The worker is killed once at each step, while it processes the event of another
    payer.

    When the lease of the dead worker has expired, a live worker processes the event
    once.
    """
    sell_plans()
    with dying("worker", WORK) as (begin, next_death):
        for point in WORK:
            user = make_user()
            subscription = subscribe(stripe_side, user)
            event = stripe_side.events(subscription)[-1]
            assert send(client, event).status_code == 200
            begin()
            assert next_death() == point
            committed_before_death = point == WORK[-1]
            assert (event["id"] in events_known()[1]) is not committed_before_death
            leases_run_out()
            work()
            assert events_known()[1] == set()
            one_effect(user, subscription)
