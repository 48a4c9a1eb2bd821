"""The changes at Stripe that a payer's timeline shows."""

from datetime import timedelta

import pytest
from sqlalchemy import select, update

from app.core.types import utc_now
from app.platform.models import ActivityEntry
from app.routers.payments.models import Customer, Plan
from tests.auth.factories import make_user
from tests.payments.factories import make_customer
from tests.payments.seen import at, invoice, payer, subscription, write

pytestmark = pytest.mark.usefixtures("shown_plans", "billing")


@pytest.fixture
def customer(shown_plans, db):
    db.execute(update(Plan).where(Plan.slug == "pro").values(stripe_price_id="price_1"))
    db.execute(update(Plan).where(Plan.slug == "team").values(stripe_price_id="price_2"))
    db.commit()
    return make_customer(make_user())


def entries(db):
    rows = select(ActivityEntry).where(ActivityEntry.kind == "payment")
    return list(db.scalars(rows.order_by(ActivityEntry.id)))


def events(db):
    return [entry.data["event"] for entry in entries(db)]


def test_a_purchase_is_recorded_once(db, customer):
    for _ in range(2):
        write(customer, payer(customer, subscription(), invoice()))
    assert [entry.summary for entry in entries(db)] == [
        "The subscription to Pro is active.",
        "An invoice over 12.00 EUR was paid.",
    ]
    first, second = entries(db)
    assert first.user_id == customer.user_id
    assert first.data == {"event": "active", "plan": "pro"}
    assert second.data == {
        "event": "invoice_paid",
        "amount": 1200,
        "currency": "eur",
        "number": "A-0001",
    }


def test_changes_of_a_subscription_are_recorded(db, customer):
    for changes in (
        {"status": "trialing"},
        {"status": "active"},
        {"cancel_at_period_end": True},
        {"cancel_at_period_end": False},
        {"price_id": "price_2"},
        {"price_id": "price_2", "status": "past_due"},
        {"price_id": "price_2", "status": "canceled"},
    ):
        write(customer, payer(customer, subscription(**changes)))
    assert events(db) == [
        "trialing",
        "active",
        "will_end",
        "will_continue",
        "plan_changed",
        "past_due",
        "canceled",
    ]
    assert entries(db)[4].summary == "The subscription was changed to Team."


def test_each_failed_attempt_is_recorded(db, customer):
    for attempts in (1, 1, 2):
        open_one = invoice(status="open", amount_paid=0, paid_at=None, attempts=attempts)
        write(customer, payer(customer, subscription(status="past_due"), open_one))
    write(customer, payer(customer, subscription(), invoice(attempts=3)))
    assert [event for event in events(db) if event.startswith("invoice")] == [
        "invoice_failed",
        "invoice_failed",
        "invoice_paid",
    ]


def test_an_imported_history_is_not_recorded(db, customer):
    old = invoice(paid_at=at(utc_now() - timedelta(days=40)))
    write(customer, payer(customer, subscription(status="canceled"), old))
    assert events(db) == []


def test_a_payer_without_an_account_has_no_timeline(db, customer):
    db.execute(update(Customer).where(Customer.id == customer.id).values(user_id=None))
    db.commit()
    write(customer, payer(customer, subscription(), invoice()))
    assert events(db) == []
