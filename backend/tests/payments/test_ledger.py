"""Events are processed by asking Stripe (requirements 51 and 52).

Each event is processed once, in any order, and again after every failure.
"""

from datetime import timedelta

import pytest
from sqlalchemy import delete, func, select, update

from app.core.types import utc_now
from app.db import clock as db_clock
from app.db.database import SessionLocal
from app.platform.jobs import Again
from app.platform.models import Job
from app.routers.payments.jobs import sweep
from app.routers.payments.mirror import sync
from app.routers.payments.models import Customer, Invoice, WebhookEvent
from app.routers.payments.webhooks import processing
from app.routers.payments.webhooks.event_types import HANDLED
from tests.auth.factories import make_user
from tests.payments.steps import (
    deliver,
    outcomes,
    payer,
    subscribe,
    subscription_row,
    told,
    with_card,
    work,
)
from tests.payments.stripe_side import event, send

pytestmark = pytest.mark.usefixtures("sold_plans")


def jobs():
    with SessionLocal() as db:
        return list(
            db.scalars(select(Job).where(Job.kind == "payments.process_event").order_by(Job.id))
        )


def events():
    with SessionLocal() as db:
        return list(db.scalars(select(WebhookEvent).order_by(WebhookEvent.id)))


def syncs(user):
    with SessionLocal() as db:
        return db.scalar(select(Customer.last_ticket).where(Customer.user_id == user.id))


def alarms(records):
    return [record["alarm"] for record in records() if record["event"] == "payments_alarm"]


def due_again():
    with SessionLocal() as db, db.begin():
        db.execute(update(Job).values(due_at=db_clock.now()))


def test_events_lead_to_what_stripe_has(client, stripe_side):
    """Requirement 52."""
    user = make_user()
    made = subscribe(stripe_side, user)
    told(client, stripe_side, user)
    row = subscription_row(made)
    assert (row.status, row.live_customer_id) == ("active", payer(user).id)
    assert {outcome for kind, outcome in outcomes().items() if kind in HANDLED} == {"done"}
    assert {outcome for kind, outcome in outcomes().items() if kind not in HANDLED} == {"ignored"}


def test_a_burst_of_events_is_one_look(client, stripe_side):
    """A sync covers all events that arrived before it began."""
    user = make_user()
    subscribe(stripe_side, user)
    handled = [one for one in stripe_side.events(payer(user).stripe_id) if one["type"] in HANDLED]
    assert len(handled) >= 5
    told(client, stripe_side, user)
    assert syncs(user) == 1


def test_old_events_bring_nothing_old_back(client, stripe_side):
    """Requirement 52: the event says `active`, but Stripe says `canceled`."""
    user = make_user()
    made = subscribe(stripe_side, user)
    begun = stripe_side.events(payer(user).stripe_id)
    stripe_side.api.subscriptions.cancel(made)
    told(client, stripe_side, user)
    deliver(client, [one | {"id": f"{one['id']}_late"} for one in begun])
    work()
    assert subscription_row(made).status == "canceled"


def test_an_event_again_days_later_has_no_effect(client, stripe_side):
    """Requirement 51."""
    user = make_user()
    subscribe(stripe_side, user)
    told(client, stripe_side, user)
    before, count = syncs(user), len(events())
    with SessionLocal() as db, db.begin():
        db.execute(update(WebhookEvent).values(processed_at=utc_now() - timedelta(days=3)))
    told(client, stripe_side, user)
    assert (syncs(user), len(events()), jobs()) == (before, count, [])


def test_while_stripe_is_away_the_event_waits_and_says_why(client, stripe_side, settings):
    """R11, requirement 51."""
    user = make_user()
    made = subscribe(stripe_side, user)
    settings(STRIPE_API_BASE="http://127.0.0.1:1")
    send(
        client,
        event(
            "customer.subscription.created",
            {"object": "subscription", "customer": payer(user).stripe_id},
        ),
    )
    work()
    (waiting,) = events()
    assert (waiting.outcome, waiting.attempts, waiting.error) == (
        None,
        1,
        "PaymentsUnavailable: Payments are unavailable right now. Try again in a moment.",
    )
    settings(STRIPE_API_BASE=stripe_side.url)
    due_again()
    work()
    (done,) = events()
    assert (done.outcome, done.attempts, done.error) == ("done", 2, None)
    assert subscription_row(made).status == "active"


def test_an_event_failing_for_a_day_is_dead_and_can_be_replayed(
    client, stripe_side, settings, records
):
    """R12: the event becomes a dead letter, and can be replayed."""
    user = make_user()
    subscribe(stripe_side, user)
    settings(STRIPE_API_BASE="http://127.0.0.1:1")
    send(client, event("invoice.paid", {"object": "invoice", "customer": payer(user).stripe_id}))
    with SessionLocal() as db, db.begin():
        db.execute(update(Job).values(give_up_at=utc_now()))
    work()
    (dead,) = events()
    assert (dead.outcome, jobs()[0].dead_at is not None) == ("dead", True)
    assert alarms(records) == ["event_given_up"]
    with SessionLocal() as db, db.begin():
        processing.queue_lost_events(db, 0)
    assert processing.replay_all_events(WebhookEvent.outcome == "dead") == 1
    settings(STRIPE_API_BASE=stripe_side.url)
    work()
    assert events()[0].outcome == "done"


def test_an_unknown_customer_is_parked_with_an_alarm(client, stripe_side, records):
    """Edge case: unknown customer. Requirement 52."""
    stranger = stripe_side.api.customers.create({"email": "stranger@example.org"})
    sent = event("customer.updated", {"object": "customer", "id": stranger.id})
    assert send(client, sent).status_code == 200
    work()
    (parked,) = events()
    assert (parked.outcome, parked.payer, parked.error) == (
        "parked",
        stranger.id,
        "The customer is not one of ours",
    )
    assert alarms(records) == ["unknown_customer"]


def test_a_parked_event_is_worked_off_when_its_customer_is_known(client, stripe_side):
    user = make_user()
    customer = payer(user)
    with SessionLocal() as db, db.begin():
        db.execute(update(Customer).values(stripe_id=None))
    send(client, event("customer.updated", {"object": "customer", "id": customer.stripe_id}))
    work()
    assert events()[0].outcome == "parked"
    with SessionLocal() as db, db.begin():
        db.execute(
            update(Customer).where(Customer.id == customer.id).values(stripe_id=customer.stripe_id)
        )
    processing.replay_all_events(WebhookEvent.outcome == "parked")
    work()
    assert events()[0].outcome == "done"


def test_the_sweeper_adds_a_job_to_an_event_without_one(client, stripe_side):
    """R12. While there is a job, the sweeper adds none."""
    user = make_user()
    with_card(stripe_side, user)
    send(client, event("customer.updated", {"object": "customer", "id": payer(user).stripe_id}))
    with SessionLocal() as db, db.begin():
        db.execute(update(WebhookEvent).values(received_at=utc_now() - timedelta(minutes=3)))
        sweep(db, {})
        assert (
            db.scalar(select(func.count(Job.id)).where(Job.kind == "payments.process_event")) == 1
        )
        db.execute(delete(Job))
        sweep(db, {})
    assert len(jobs()) == 1
    work()
    assert events()[0].outcome == "done"


def test_many_waiting_events_do_not_hide_one_that_lost_its_job(client, stripe_side, monkeypatch):
    monkeypatch.setattr(processing, "BATCH", 2)  # 500 events would take half a minute
    for number in range(4):
        send(
            client,
            event("customer.updated", {"object": "customer", "id": "cus_x"}, id=f"evt_{number}"),
        )
    with SessionLocal() as db, db.begin():
        db.execute(update(WebhookEvent).values(received_at=utc_now() - timedelta(minutes=3)))
        db.execute(delete(Job).where(Job.key == processing.job_key(events()[-1].id)))
        again: Again | None = Again()
        while again:
            again = sweep(db, dict(again.payload))
    assert len(jobs()) == 4


def test_events_wait_while_payments_are_switched_off(client, stripe_side, settings):
    user = make_user()
    with_card(stripe_side, user)
    send(client, event("customer.updated", {"object": "customer", "id": payer(user).stripe_id}))
    settings(PAYMENTS_ENABLED="false")
    work()
    with SessionLocal() as db, db.begin():
        db.execute(update(WebhookEvent).values(received_at=utc_now() - timedelta(days=2)))
        sweep(db, {})
    assert (events()[0].outcome, events()[0].attempts, jobs()) == (None, 0, [])
    settings(PAYMENTS_ENABLED="true")
    with SessionLocal() as db, db.begin():
        sweep(db, {})
    work()
    assert events()[0].outcome == "done"


def test_an_event_that_just_came_is_left_to_its_job(client, stripe_side):
    send(client, event("customer.updated", {"object": "customer", "id": "cus_x"}))
    with SessionLocal() as db, db.begin():
        db.execute(delete(Job))
        sweep(db, {})
    assert jobs() == []


def refunded(side, user, **params):
    charge = side.api.charges.list({"customer": payer(user).stripe_id}).data[0]
    side.api.refunds.create({"charge": charge.id, **params})
    return charge.id


@pytest.mark.parametrize(("params", "back"), [({}, 4900), ({"amount": 100}, 100)])
def test_a_refund_shows_on_its_invoice(client, stripe_side, params, back):
    """Edge case: refund full and partial.

    The events name a charge, but not the customer. The customer keeps access.
    """
    user = make_user()
    made = subscribe(stripe_side, user)
    charge = refunded(stripe_side, user, **params)
    told(client, stripe_side, user)
    deliver(client, [one for one in stripe_side.events(charge) if one["type"] == "refund.created"])
    work()
    with SessionLocal() as db:
        assert db.scalars(select(Invoice.amount_refunded)).one() == back
    assert outcomes()["refund.created"] == "done"
    assert subscription_row(made).status == "active"


def test_a_card_that_was_detached_is_told_by_whom_it_was(client, stripe_side):
    """Edge case: payment method detached. The event no longer names a customer."""
    user = make_user()
    made = subscribe(stripe_side, user)
    told(client, stripe_side, user)
    assert subscription_row(made).has_payment_method
    for method in stripe_side.api.customers.payment_methods.list(payer(user).stripe_id).data:
        stripe_side.api.payment_methods.detach(method.id)
    (detached,) = [one for one in stripe_side.events() if one["type"] == "payment_method.detached"][
        -1:
    ]
    assert detached["data"]["object"]["customer"] is None
    deliver(client, [detached])
    work()
    assert outcomes()["payment_method.detached"] == "done"
    assert not subscription_row(made).has_payment_method


def test_a_look_without_anybody_at_stripe_asks_nobody(stripe_side):
    user = make_user()
    customer = payer(user)
    with SessionLocal() as db, db.begin():
        db.execute(update(Customer).values(stripe_id=None))
    with SessionLocal() as db:
        sync.sync_payer(db, customer.id)


def test_thirty_six_kinds_of_events_are_handled():
    assert len(HANDLED) == 41
