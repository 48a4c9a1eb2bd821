"""In the admin, staff see why a payment failed, replay events, and read the numbers."""

import json
from datetime import timedelta

import pytest
from sqlalchemy import select

from app.core.types import utc_now
from app.db.database import SessionLocal
from app.platform.models import Job
from app.routers.payments.models import WebhookEvent
from app.routers.payments.operations import figures
from tests.payments.factories import make_invoice, make_subscription
from tests.support.admin import desk_of, newest_entry

DECLINED = "Your card has insufficient funds."


@pytest.fixture
def desk(app, client, db):
    return desk_of(app)


@pytest.fixture
def failed_event(customer):
    body = {
        "id": "evt_1",
        "type": "payment_intent.payment_failed",
        "data": {"object": {"last_payment_error": {"message": DECLINED}, "client_secret": "pi_x"}},
    }
    event = WebhookEvent(
        event_id="evt_1",
        type="payment_intent.payment_failed",
        livemode=False,
        payer=customer.stripe_id,
        body=json.dumps(body).encode(),
        created_at=utc_now(),
        outcome="dead",
        processed_at=utc_now(),
        error="Stripe is down",
    )
    with SessionLocal() as db, db.begin():
        db.add(event)
    return event


def jobs_of(kind):
    with SessionLocal() as db:
        return [job.payload for job in db.scalars(select(Job).where(Job.kind == kind))]


def test_staff_see_why_a_payment_failed(desk, user, customer, failed_event):
    subscription = make_subscription(customer, status="past_due")
    make_invoice(
        customer, status="open", attempts=2, amount_paid=0, subscription_id=subscription.id
    )
    make_invoice(customer)
    found = desk.get("/list/payment-invoices?payment=failed").text
    assert found.count("/admin/row/payment-invoices/") == 1
    for search in (user.email, customer.stripe_id, f"user:{user.id}"):
        page = desk.get("/list/payers", params={"q": search}).text
        assert f"/admin/row/payers/{customer.id}" in page
    page = desk.get(f"/row/payers/{customer.id}").text
    assert DECLINED in page
    assert "past_due" in page
    assert "12.00 EUR" in page
    assert f"/admin/list/payers?q=user:{user.id}" in desk.get(f"/row/users/{user.id}").text


def test_an_event_is_shown_without_secrets_and_replayed(desk, failed_event):
    path = f"/row/webhook-events/{failed_event.id}"
    page = desk.get(path).text
    assert DECLINED in page
    assert "pi_x" not in page
    assert desk.get("/list/webhook-events?outcome=dead").text.count(path) == 1
    assert desk.act("webhook-events", failed_event.id, "replay").status_code == 303
    assert jobs_of("payments.process_event") == [{"id": failed_event.id}]
    with SessionLocal() as db:
        assert db.get_one(WebhookEvent, failed_event.id).outcome is None
    entry = newest_entry("webhook-events.replay")
    assert (entry.before["outcome"], entry.after["outcome"]) == ("dead", None)


@pytest.mark.parametrize("view", ["payers", "subscriptions", "payment-invoices"])
def test_a_payer_is_fetched_from_stripe(desk, customer, view):
    row = {
        "payers": lambda: customer,
        "subscriptions": lambda: make_subscription(customer),
        "payment-invoices": lambda: make_invoice(customer),
    }[view]()
    assert desk.act(view, row.id, "refresh").status_code == 303
    assert jobs_of("payments.sync_payer") == [{"customer_id": customer.id}]
    assert newest_entry(f"{view}.refresh").target == f"{view}:{row.id}"


@pytest.mark.parametrize(
    "view", ["payers", "subscriptions", "payment-invoices", "webhook-events", "plans"]
)
def test_every_list_and_row_is_shown(desk, customer, failed_event, view):
    make_invoice(customer)
    make_subscription(customer)
    page = desk.get(f"/list/{view}")
    assert page.status_code == 200
    row = page.text.partition(f"/admin/row/{view}/")[2].partition('"')[0]
    assert desk.get(f"/row/{view}/{row}").status_code == 200
    assert desk.get(f"/list/{view}?q=nothing-like-this").status_code == 200


def test_the_dashboard_shows_the_numbers(desk, db, customer, failed_event):
    make_subscription(customer, started_at=utc_now() - timedelta(days=5))
    ended = utc_now() - timedelta(days=2)
    began = ended - timedelta(days=90)
    make_subscription(
        customer, status="canceled", live_customer_id=None, started_at=began, ended_at=ended
    )
    with SessionLocal() as session, session.begin():
        session.get_one(WebhookEvent, failed_event.id).type = figures.FAILED
    active = figures.active_subscriptions(db)
    history = [value for _, value in active.series[0].points]
    assert (active.number, history[0], history[-4], history[-1]) == ("1", 1, 2, 1)
    assert figures.churn(db).note == "1 ended in the last 30 days"
    assert figures.churn(db).number == "100.0 %"
    assert figures.failed_payments(db).number == "1"
    revenue = figures.monthly_revenue(db)
    assert revenue.number.endswith(" EUR")
    assert revenue.series[0].points[-1][1] > 0
    page = desk.get("/").text
    assert page.count("<svg") >= 5
    for title in ("Active subscriptions", "Churn", "Failed payments", "Sign-ups", "Slowest routes"):
        assert title in page
