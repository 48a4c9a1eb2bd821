"""Recurring jobs sync payers without recent events, and delete old events."""

from datetime import timedelta
from uuid import uuid4

import pytest
from sqlalchemy import select, update

from app.core.types import utc_now
from app.db.database import SessionLocal
from app.platform.jobs import Again, job_kinds
from app.platform.models import Job
from app.routers.payments import jobs
from app.routers.payments.mirror import reconciliation, sync
from app.routers.payments.models import CheckoutAttempt, WebhookEvent
from tests.auth.factories import make_user
from tests.payments.factories import make_customer, make_subscription, plan_of
from tests.payments.steps import payer, subscribe, subscription_row, work
from tests.payments.stripe_side import event, send
from tests.support.jobs import enqueue, purge


def queued_syncs():
    with SessionLocal() as db:
        return [
            job.payload["customer_id"]
            for job in db.scalars(select(Job).where(Job.kind == "payments.sync_payer"))
        ]


def catch_up(payload=None):
    with SessionLocal() as db, db.begin():
        return jobs.catch_up(db, payload or {})


def open_checkout(customer, **columns):
    plan = plan_of("team").id
    attempt = {
        "customer_id": customer.id,
        "open_customer_id": customer.id,
        "plan_id": plan,
        "trial_days": 0,
    }
    with SessionLocal() as db, db.begin():
        db.add(CheckoutAttempt(**attempt, key=uuid4().hex, **columns))


@pytest.mark.parametrize(
    ("columns", "looked"),
    [
        ({"current_period_end": timedelta(hours=2)}, True),
        ({"current_period_end": timedelta(minutes=30)}, False),
        ({"status": "past_due"}, True),
        (
            {
                "status": "canceled",
                "live_customer_id": None,
                "current_period_end": timedelta(days=2),
            },
            False,
        ),
        (
            {
                "status": "incomplete",
                "live_customer_id": None,
                "started_at": timedelta(hours=2),
            },
            True,
        ),
        (
            {
                "status": "incomplete",
                "live_customer_id": None,
                "started_at": timedelta(minutes=30),
            },
            False,
        ),
        ({}, False),
    ],
)
def test_a_subscription_that_is_silent_is_looked_at(shown_plans, billing, columns, looked):
    """R11: reconciliation repairs the effects of lost events."""
    customer = make_customer(make_user())
    now = utc_now()  # not when the tests are collected, because the suite may take long
    times = {name: now - ago for name, ago in columns.items() if isinstance(ago, timedelta)}
    make_subscription(customer, **columns | times)
    for _ in range(2):
        catch_up()
    assert queued_syncs() == ([customer.id] if looked else [])


def test_of_too_many_at_once_each_has_a_turn(shown_plans, billing, monkeypatch):
    """Without turns, the same payers would be synced again and again, and the others
    never.
    """
    monkeypatch.setattr(reconciliation, "BATCH", 1)
    payers = [make_customer(make_user()) for _ in range(4)]
    statuses = ("past_due", "active", "active", "past_due")
    for customer, status in zip(payers, statuses, strict=True):
        make_subscription(
            customer, status=status, current_period_end=utc_now() - timedelta(hours=2)
        )
    turns = []
    again = Again()
    while again:
        again = catch_up(dict(again.payload))
        turns.append(len(queued_syncs()))
    assert (turns, set(queued_syncs())) == ([1, 2, 3, 4, 4], {customer.id for customer in payers})


def test_many_open_checkouts_each_have_a_turn(shown_plans, billing, monkeypatch):
    monkeypatch.setattr(reconciliation, "BATCH", 1)
    payers = [make_customer(make_user()) for _ in range(3)]
    for customer in payers:
        open_checkout(
            customer, stripe_id=f"cs_{customer.id}", created_at=utc_now() - timedelta(hours=2)
        )
    again = Again()
    while again:
        again = catch_up(dict(again.payload))
    assert set(queued_syncs()) == {customer.id for customer in payers}


@pytest.mark.parametrize(("hours", "looked"), [(2, True), (0.5, False)])
def test_a_checkout_of_which_nothing_was_heard_is_looked_at(shown_plans, billing, hours, looked):
    customer = make_customer(make_user())
    open_checkout(customer, stripe_id="cs_1", created_at=utc_now() - timedelta(hours=hours))
    catch_up()
    assert queued_syncs() == ([customer.id] if looked else [])


def test_who_was_deleted_at_stripe_is_not_looked_at(shown_plans, billing):
    make_subscription(make_customer(make_user(), gone_at=utc_now()), status="past_due")
    catch_up()
    assert queued_syncs() == []


def test_silence_is_told_by_the_clock_of_payments(client, shown_plans, billing):
    """The simulator's clock may be a year ahead. An event shows how far the clock is
    ahead.
    """
    customer = make_customer(make_user())
    make_subscription(customer, current_period_end=utc_now() + timedelta(days=30))
    catch_up()
    assert queued_syncs() == []
    send(client, event(created=int((utc_now() + timedelta(days=31)).timestamp())))
    catch_up()
    assert queued_syncs() == [customer.id]


def test_a_sync_that_the_previous_version_queued_is_run(client, buyer, stripe_side):
    made = subscribe(stripe_side, buyer)
    enqueue("payments.look", {"customer_id": payer(buyer).id})
    work()
    assert subscription_row(made).status == "active"


def test_what_comes_again_is_planned():
    planned = {
        name: kind.every
        for name, kind in job_kinds().items()
        if kind.every and name.startswith("payments.")
    }
    assert planned == {
        "payments.sweep": timedelta(minutes=1),
        "payments.catch_up": timedelta(minutes=10),
    }


def test_with_payments_switched_off_nobody_is_looked_at(shown_plans, settings):
    settings(PAYMENTS_ENABLED="false")
    make_subscription(make_customer(make_user()), status="past_due")
    catch_up()
    assert queued_syncs() == []


def test_what_was_never_told_is_found(sold_plans, stripe_side):
    """In this test, every event was lost."""
    user = make_user()
    made = subscribe(stripe_side, user)
    with SessionLocal() as db, db.begin():
        sync.sync_payer_soon(db, payer(user).id)
    work()
    assert subscription_row(made).status == "active"


def test_old_events_go_and_those_that_wait_stay(client, db, billing):
    for name in ("evt_old", "evt_new", "evt_waiting"):
        send(client, event(id=name))
    old = utc_now() - timedelta(days=91)
    with SessionLocal() as session, session.begin():
        done = update(WebhookEvent).where(WebhookEvent.event_id != "evt_waiting")
        session.execute(done.values(outcome="done", processed_at=utc_now()))
        session.execute(
            update(WebhookEvent).where(WebhookEvent.event_id == "evt_old").values(processed_at=old)
        )
        session.execute(update(WebhookEvent).values(received_at=old))
    with SessionLocal() as session:
        purge(session)
        left = set(session.scalars(select(WebhookEvent.event_id)))
    assert left == {"evt_new", "evt_waiting"}
