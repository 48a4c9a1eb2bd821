"""An account is deleted or disabled, or its sessions end, while its request waits for
Stripe (R21).

Nothing of a deleted account is left at Stripe, and the request gets no normal response:

    request    commit ... ask Stripe ............. read the user again → 401, and what
                                                   Stripe has created is closed
    deletion                   lock user, commit
"""

import pytest
from sqlalchemy import func, select, update

from app.db import clock as db_clock
from app.db.database import SessionLocal
from app.platform.models import Job
from app.routers.auth.models import User
from app.routers.auth.sessions import login_sessions
from app.routers.payments import gateway
from app.routers.payments.models import CheckoutAttempt, Customer
from app.routers.payments.operations import doctor
from tests.auth.factories import PASSWORD, make_user, token_for
from tests.payments.factories import sell_plans
from tests.payments.steps import deliver, outcome, payer, subscribe, told, work

CHECKOUT = "/payments/checkout"
SUBSCRIPTION = "/payments/subscription"


@pytest.fixture
def buyer(committed, login, stripe_side):
    sell_plans()
    return login(make_user())


@pytest.fixture
def overtake(client, buyer, monkeypatch):
    """Return `overtake(moment, name, end)`, which ends the account during a call to
    Stripe.

    `overtake("before", "create_session", delete)` runs `delete` before the call reaches
    Stripe. With `"after"`, Stripe has already responded.
    """

    def at(moment, name, end):
        real, calls = getattr(gateway, name), [end]

        def asked(*args, **kwargs):
            if moment == "before" and calls:
                calls.pop()(client, buyer)
            answer = real(*args, **kwargs)
            if moment == "after" and calls:
                calls.pop()(client, buyer)
            return answer

        monkeypatch.setattr(gateway, name, asked)

    return at


def delete(client, user):
    """Delete the account with another session of the same user."""
    headers = {"Authorization": f"Bearer {token_for(user)}"}
    assert (
        client.post(
            "/auth/delete-account", json={"password": PASSWORD}, headers=headers
        ).status_code
        == 204
    )


def delete_and_forget(client, user):
    """Delete the account so quickly that Stripe has deleted the customer before the
    call.
    """
    delete(client, user)
    work()


def disable(_client, user):
    with SessionLocal() as db, db.begin():
        db.execute(update(User).where(User.id == user.id).values(is_active=False))


def sign_out(_client, user):
    """End all sessions, as a reset does."""
    with SessionLocal() as db, db.begin():
        login_sessions.end_sessions(db, user.id)


def work_soon():
    """Run the jobs that a worker would run within a minute."""
    for _ in range(3):
        with SessionLocal() as db, db.begin():
            soon = Job.kind.in_(["payments.forget_customer", "payments.sync_payer"])
            db.execute(
                update(Job).where(soon, Job.due_at.is_not(None)).values(due_at=db_clock.now())
            )
        work()


def at_stripe(side, email):
    """Return the number of customers with the address, and the number of Checkout pages
    that could be paid.
    """
    pages = [
        one for one in side.api.checkout.sessions.list({"limit": 100}).data if one.status == "open"
    ]
    return len(side.api.customers.list({"email": email}).data), len(pages)


STEPS = ("create_customer", "read_payer", "create_session")
RACES = [(moment, step, delete) for step in STEPS for moment in ("before", "after")]
RACES += [(moment, "create_session", delete_and_forget) for moment in ("before", "after")]


def name_of(race):
    return " ".join(getattr(part, "__name__", None) or str(part) for part in race)


@pytest.mark.parametrize("race", RACES, ids=name_of)
def test_a_checkout_whose_account_is_deleted_leaves_nothing(
    client, buyer, stripe_side, overtake, race
):
    overtake(*race)
    assert outcome(client.post(CHECKOUT, json={"plan": "team"})) == (401, "not_authenticated")
    work_soon()
    assert at_stripe(stripe_side, buyer.email) == (0, 0)
    assert doctor.find_differences(patience=0) == []
    with SessionLocal() as db:
        assert db.scalar(select(func.count(CheckoutAttempt.open_customer_id))) == 0
        assert db.scalars(select(Customer.email)).all() == [""]


@pytest.mark.parametrize("step", STEPS[:2])
def test_for_an_account_that_is_gone_no_page_is_asked_for(
    client, buyer, stripe_side, overtake, step
):
    """The attempt is not even begun, because it is inserted while the user is
    locked.
    """
    overtake("after", step, delete)
    assert client.post(CHECKOUT, json={"plan": "team"}).status_code == 401
    assert stripe_side.api.checkout.sessions.list().data == []


def test_a_customer_created_after_deletion_is_forgotten_at_once(
    client, buyer, stripe_side, overtake
):
    """The request that created the customer also deletes it.

    The deletion of the account could only search for the customer a minute later.
    """
    overtake("before", "create_customer", delete)
    assert client.post(CHECKOUT, json={"plan": "team"}).status_code == 401
    work()
    assert at_stripe(stripe_side, buyer.email) == (0, 0)


@pytest.mark.parametrize(
    "race", [(step, end) for step in STEPS[::2] for end in (disable, sign_out)], ids=name_of
)
def test_a_user_disabled_during_checkout_gets_no_page(client, buyer, stripe_side, overtake, race):
    overtake("after", *race)
    assert outcome(client.post(CHECKOUT, json={"plan": "team"})) == (401, "not_authenticated")
    assert at_stripe(stripe_side, buyer.email) == (1, 0)
    assert doctor.find_differences(patience=0) == []


def test_an_address_being_sent_when_the_account_is_deleted(client, buyer, stripe_side, overtake):
    customer = payer(buyer)
    with SessionLocal() as db, db.begin():
        db.execute(update(User).where(User.id == buyer.id).values(email="new@example.org"))
    overtake("after", "update_email", delete)
    assert outcome(client.post(CHECKOUT, json={"plan": "team"})) == (401, "not_authenticated")
    work_soon()
    assert stripe_side.api.customers.retrieve(customer.stripe_id).deleted
    assert doctor.find_differences(patience=0) == []


def test_deleting_the_account_closes_its_open_page(client, buyer, stripe_side):
    assert client.post(CHECKOUT, json={"plan": "team"}).status_code == 201
    delete(client, buyer)
    work_soon()
    assert at_stripe(stripe_side, buyer.email) == (0, 0)
    assert doctor.find_differences(patience=0) == []


def test_what_is_paid_as_the_account_is_deleted_is_paid_back(client, buyer, stripe_side):
    """The events of the payment come after the deletion."""
    page = client.post(CHECKOUT, json={"plan": "team"}).json()["url"]
    customer = payer(buyer).stripe_id
    stripe_side.pay(page)
    delete(client, buyer)
    work_soon()
    deliver(client, stripe_side.events(customer))
    work_soon()
    assert [one.status for one in stripe_side.api.subscriptions.list({"status": "all"}).data] == [
        "canceled"
    ]
    charges = stripe_side.api.charges.list({"customer": customer}).data
    assert [(one.amount, one.amount_refunded) for one in charges] == [(4900, 4900)]
    assert doctor.find_differences(patience=0) == []


def test_the_doctor_makes_stripe_forget_a_deleted_account(client, buyer, stripe_side):
    """The reason may be a lost job, or a backup that was restored."""
    customer = payer(buyer).stripe_id
    delete(client, buyer)
    with SessionLocal() as db, db.begin():
        db.query(Job).delete()
    made = subscribe_without_us(stripe_side, customer)
    found = {one.what for one in doctor.find_differences(patience=0)}
    assert {"customer of a deleted account", "subscription of a deleted account"} <= found
    doctor.repair_differences(doctor.find_differences(patience=0))
    work_soon()
    assert stripe_side.api.subscriptions.retrieve(made).status == "canceled"
    assert doctor.find_differences(patience=0) == []


def subscribe_without_us(side, customer):
    method = side.api.payment_methods.attach("pm_card_visa", {"customer": customer})
    side.api.customers.update(customer, {"invoice_settings": {"default_payment_method": method.id}})
    price = side.api.prices.list({"limit": 1}).data[0].id
    return side.api.subscriptions.create({"customer": customer, "items": [{"price": price}]}).id


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_portal_of_a_deleted_account_is_shown_to_nobody(
    client, buyer, stripe_side, overtake, moment
):
    """Stripe cannot revoke a portal session. The session ends when its customer is
    deleted.
    """
    payer(buyer)
    overtake(moment, "open_portal", delete_and_forget)
    assert outcome(client.post("/payments/portal")) == (401, "not_authenticated")
    assert at_stripe(stripe_side, buyer.email) == (0, 0)


CHANGES = [
    ("preview", {"plan": "pro"}, "preview_change", disable),
    ("change", {"plan": "pro"}, "preview_change", disable),
    ("change", {"plan": "pro"}, "change_price", disable),
    ("change", {"plan": "pro"}, "change_price", sign_out),
    ("cancel", {}, "cancel_at_period_end", sign_out),
    ("resume", None, "resume_subscription", disable),
]


@pytest.mark.parametrize("race", CHANGES, ids=name_of)
def test_an_overtaken_change_is_stored_without_a_response(
    client, buyer, stripe_side, overtake, race
):
    """An account with a subscription cannot be deleted.

    The rows still show what Stripe did.
    """
    action, body, step, end = race
    subscribe(stripe_side, buyer)
    told(client, stripe_side, buyer)
    overtake("after", step, end)
    assert outcome(client.post(f"{SUBSCRIPTION}/{action}", json=body)) == (401, "not_authenticated")
    assert {one.what for one in doctor.find_differences(patience=0)} <= {
        "invoice"
    }  # the sync that follows stores the missing invoices


def test_a_subscription_of_a_disabled_user_goes_on_and_is_told(client, buyer, stripe_side):
    made = subscribe(stripe_side, buyer)
    told(client, stripe_side, buyer)
    disable(client, buyer)
    assert doctor.find_differences(patience=0) == []
    assert [(one.subject, one.what) for one in doctor.find_notices()] == [
        (made, "subscription of a disabled user")
    ]
    assert client.post(f"{SUBSCRIPTION}/cancel", json={}).status_code == 401


def test_a_page_of_a_user_who_is_disabled_is_closed(client, buyer, stripe_side):
    assert client.post(CHECKOUT, json={"plan": "team"}).status_code == 201
    disable(client, buyer)
    with SessionLocal() as db, db.begin():
        db.execute(update(Job).where(Job.kind == "payments.catch_up").values(due_at=db_clock.now()))
    work_soon()
    assert at_stripe(stripe_side, buyer.email) == (1, 0)
