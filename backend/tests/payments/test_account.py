"""A payer opens the portal, reads the invoices, and deletes the account."""

from datetime import timedelta

import pytest
from sqlalchemy import select, update

from app.core.types import utc_now
from app.db import clock as db_clock
from app.db.database import SessionLocal
from app.platform.jobs import enqueue
from app.platform.models import Job
from app.routers.payments.models import Customer
from tests.auth.factories import PASSWORD, make_user
from tests.payments.factories import make_customer, make_invoice, make_subscription
from tests.payments.steps import outcome, payer, subscribe, told, work


def test_the_portal_is_stripes_page_for_this_customer(client, db, login, stripe_side):
    user = login(make_user())
    customer = payer(user).stripe_id
    answer = client.post("/payments/portal")
    assert answer.status_code == 201
    assert answer.json()["url"].startswith(f"{stripe_side.url}/p/session/")
    (made,) = [
        one
        for one in stripe_side.events(customer)
        if one["type"] == "billing_portal.session.created"
    ] or [None]
    if made:
        assert made["data"]["object"]["return_url"].endswith("/billing")


def test_who_never_bought_has_no_portal(client, db, login, stripe_side):
    login(make_user())
    assert outcome(client.post("/payments/portal")) == (409, "no_customer")
    login(make_user())
    assert outcome(
        client.post("/payments/portal", json={"return_url": "https://evil.example"})
    ) == (409, "no_customer")


def test_the_portal_of_a_customer_who_was_deleted_is_none(client, db, login, stripe_side):
    """Edge case: customer deleted at Stripe."""
    make_customer(login(make_user()), gone_at=utc_now())
    assert outcome(client.post("/payments/portal")) == (409, "no_customer")


@pytest.mark.parametrize(
    ("method", "path"), [("post", "/payments/portal"), ("get", "/payments/invoices")]
)
def test_the_public_is_refused(client, db, method, path):
    assert client.request(method, path).status_code == 401


def test_while_stripe_is_away_the_portal_says_so(client, db, login, billing):
    """R11."""
    make_customer(login(make_user()))
    assert outcome(client.post("/payments/portal")) == (503, "payments_unavailable")


def test_invoices_are_ones_own_newest_first_in_pages(client, db, login):
    """Requirement 49."""
    theirs = make_customer(make_user())
    mine = make_customer(login(make_user()))
    make_invoice(theirs)
    numbers = [
        make_invoice(mine, created_at=utc_now() - timedelta(days=days)).number for days in (1, 2, 3)
    ]
    first = client.get("/payments/invoices?limit=2").json()
    assert ([one["number"] for one in first["items"]], first["total"], first["has_more"]) == (
        numbers[:2],
        3,
        True,
    )
    second = client.get(f"/payments/invoices?limit=2&cursor={first['next_cursor']}").json()
    assert [one["number"] for one in second["items"]] == numbers[2:]
    assert set(first["items"][0]) == {
        "id",
        "number",
        "status",
        "currency",
        "amount_due",
        "amount_paid",
        "created_at",
        "hosted_invoice_url",
        "invoice_pdf",
    }


def test_who_never_bought_has_no_invoices(client, db, login):
    login(make_user())
    assert client.get("/payments/invoices").json()["items"] == []


def test_an_invoice_of_stripe_is_shown_with_its_pages(client, login, sold_plans, stripe_side):
    user = login(make_user())
    subscribe(stripe_side, user)
    told(client, stripe_side, user)
    (shown,) = client.get("/payments/invoices").json()["items"]
    assert (shown["status"], shown["currency"], shown["amount_due"], shown["amount_paid"]) == (
        "paid",
        "eur",
        4900,
        4900,
    )
    assert shown["invoice_pdf"].startswith(stripe_side.url)


def delete_account(client):
    return client.post("/auth/delete-account", json={"password": PASSWORD})


@pytest.mark.parametrize("status", ["trialing", "active", "past_due", "unpaid", "paused"])
def test_an_account_with_a_live_subscription_is_not_deleted(client, db, login, shown_plans, status):
    """Edge case: deletion of an account with a live subscription."""
    make_subscription(make_customer(login(make_user())), status=status)
    assert outcome(delete_account(client)) == (409, "subscription_active")
    assert client.get("/auth/me").status_code == 200


def test_an_ended_subscription_does_not_prevent_deletion(client, login, sold_plans, stripe_side):
    user = login(make_user())
    made = subscribe(stripe_side, user)
    told(client, stripe_side, user)
    client.post("/payments/subscription/cancel", json={"at_period_end": False})
    customer = payer(user).stripe_id
    assert delete_account(client).status_code == 204
    work()
    assert stripe_side.api.customers.retrieve(customer).deleted
    assert stripe_side.api.subscriptions.retrieve(made).status == "canceled"
    with SessionLocal() as db:
        assert db.scalars(select(Customer.email).where(Customer.stripe_id == customer)).one() == ""


def test_a_payment_just_before_the_deletion_raises_an_alarm(
    client, login, sold_plans, stripe_side, records
):
    """Edge case: deletion of an account with a live subscription, while the event is on
    its way.
    """
    user = login(make_user())
    made = subscribe(stripe_side, user)
    assert delete_account(client).status_code == 204
    work()
    assert stripe_side.api.subscriptions.retrieve(made).status == "canceled"
    alarms = [
        (one["alarm"], one.get("subscription"))
        for one in records()
        if one["event"] == "payments_alarm"
    ]
    assert ("paid_without_account", made) in alarms


@pytest.mark.parametrize("is_made", [True, False])
def test_a_customer_created_without_a_response_is_forgotten_too(
    client, committed, login, stripe_side, is_made
):
    """The account is deleted between the call and the retry of the call."""
    user = login(make_user())
    if is_made:
        made = stripe_side.api.customers.create(
            {"email": user.email, "metadata": {"liftoff_customer": "the key"}}
        )
    make_customer(user, stripe_id=None, creation_key="the key", creation_asked_at=utc_now())
    assert delete_account(client).status_code == 204
    with SessionLocal() as db, db.begin():
        assert db.scalars(select(Customer.email)).one() == ""
        assert db.scalar(
            select(Job.id).where(Job.kind == "payments.forget_customer", Job.due_at > utc_now())
        )
        db.execute(update(Job).values(due_at=db_clock.now()))
    work()
    assert not is_made or stripe_side.api.customers.retrieve(made.id).deleted
    with SessionLocal() as db:
        assert db.scalar(select(Job.id).where(Job.kind == "payments.forget_customer")) is None


def test_what_is_given_up_on_raises_the_alarm(db, billing, records):
    """R11: if a second subscription is not ended, or a customer is not deleted at
    Stripe, there is an alarm.
    """
    with SessionLocal() as session, session.begin():
        enqueue(session, "payments.forget_customer", {"customer_id": 1, "stripe_id": "cus_1"})
        enqueue(session, "payments.end_duplicate", {"subscription": "sub_1"})
        session.execute(update(Job).values(give_up_at=utc_now()))
    work()
    alarms = {one["alarm"] for one in records() if one["event"] == "payments_alarm"}
    assert alarms == {"customer_not_forgotten", "duplicate_not_ended"}


def test_an_account_without_a_customer_is_just_deleted(client, db, login):
    login(make_user())
    assert delete_account(client).status_code == 204
    with SessionLocal() as session:
        assert session.scalar(select(Job.id).where(Job.kind == "payments.forget_customer")) is None
