"""Checkout sends Stripe only our own values, and no user subscribes twice.

See requirements 48, 49 and 53.
"""

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import func, select

from app.db.database import SessionLocal
from app.routers.payments import demo
from app.routers.payments.models import Customer
from tests.auth.factories import make_user, token_for
from tests.payments.buying import attempts, begin, session_of
from tests.payments.factories import (
    make_customer,
    make_subscription,
    plan_of,
    sell_plans,
    store_plans,
)
from tests.payments.steps import deliver, outcome, payer, subscribe, subscription_row, told, work

pytestmark = pytest.mark.usefixtures("stripe_side")


def test_no_request_waits_for_the_prices_of_a_demo(client, db, login, stripe_side):
    """`make dev` creates the prices before it reports that everything is up."""
    login(make_user())
    demo.load(db)
    db.commit()
    assert outcome(begin(client)) == (409, "plan_not_ready")
    work()
    assert begin(client).status_code == 201


def test_a_plan_whose_price_nobody_makes_cannot_be_bought(client, db, login, shown_plans):
    login(make_user())
    assert outcome(begin(client)) == (409, "plan_not_ready")


def open_sessions(side, user):
    listed = side.api.checkout.sessions.list(
        {"customer": payer(user).stripe_id, "limit": 100}
    ).auto_paging_iter()
    return [found.id for found in listed if found.status == "open"]


def test_what_reaches_stripe_is_the_catalogues_and_our_own(client, buyer, stripe_side):
    """Requirement 48."""
    answer = begin(client, "pro")
    assert answer.status_code == 201
    session = session_of(stripe_side, answer)
    assert answer.json() == {"session_id": session.id, "url": session.url}
    plan = plan_of("pro")
    (line,) = session.line_items.data
    assert (line.price.id, line.quantity, line.price.unit_amount) == (plan.stripe_price_id, 1, 1200)
    assert (session.mode, session.customer) == ("subscription", payer(buyer).stripe_id)
    assert session.success_url.endswith("/demo/billing/success?session_id={CHECKOUT_SESSION_ID}")
    assert session.cancel_url.endswith("/demo/billing")


@pytest.mark.parametrize(
    "extra",
    [
        {"amount": 1},
        {"price": "price_1"},
        {"currency": "usd"},
        {"quantity": 0},
        {"customer": "cus_1"},
        {"trial_days": 700},
        {"mode": "payment"},
        {"success_url": "https://evil.example"},
        {"plan": 7},
        {"plan": ""},
        {"promotion_code": ""},
    ],
)
def test_nothing_else_is_taken_from_a_client(client, buyer, extra):
    """Requirement 48."""
    answer = client.post("/payments/checkout", json={"plan": "pro", **extra})
    assert outcome(answer) == (422, "validation_error")
    assert attempts() == []


def test_the_public_and_the_unverified_cannot_buy(client, sold_plans, login):
    assert begin(client).status_code == 401
    login(make_user(is_verified=False))
    assert outcome(begin(client)) == (403, "email_not_verified")


@pytest.mark.parametrize(
    ("plan", "refusal"), [("gold", (404, "plan_not_found")), ("free", (409, "plan_not_for_sale"))]
)
def test_only_what_is_for_sale_can_be_bought(client, buyer, plan, refusal):
    assert outcome(begin(client, plan)) == refusal


def test_a_plan_that_stripe_does_not_know_yet_cannot_be_bought(client, db, login):
    store_plans()
    login(make_user())
    assert outcome(begin(client)) == (409, "plan_not_ready")


def test_who_is_subscribed_is_refused_without_asking_stripe(client, buyer, settings):
    settings(STRIPE_API_BASE="http://127.0.0.1:1")
    make_subscription(make_customer(buyer))
    assert outcome(begin(client)) == (409, "already_subscribed")


def test_a_subscriber_is_refused_before_the_events_arrive(client, buyer, stripe_side):
    """Edge case: checkout finished before the subscription's event.

    A sync also finds the subscription before the event arrives.
    """
    made = subscribe(stripe_side, buyer)
    assert outcome(begin(client)) == (409, "already_subscribed")
    assert subscription_row(made).live_customer_id is not None


@pytest.mark.parametrize("status", ["incomplete", "canceled", "incomplete_expired"])
def test_what_has_ended_or_never_began_is_no_hindrance(client, buyer, stripe_side, status):
    """Edge case: incomplete and incomplete_expired are not active."""
    make_subscription(payer(buyer), status=status, live_customer_id=None)
    assert begin(client).status_code == 201


def test_a_customer_deleted_at_stripe_can_buy_before_the_event(client, buyer, stripe_side):
    """Edge case: customer deleted at Stripe."""
    old = payer(buyer).stripe_id
    stripe_side.api.customers.delete(old)
    answer = begin(client)
    assert answer.status_code == 201
    assert session_of(stripe_side, answer).customer == payer(buyer).stripe_id != old


def test_the_same_again_is_the_same_session(client, buyer, stripe_side):
    first = begin(client)
    assert begin(client).json() == first.json()
    assert len(attempts()) == 1


def test_another_plan_closes_the_session_before(client, buyer, stripe_side):
    """Requirement 53: two open pages could both be paid."""
    first, second = begin(client, "team"), begin(client, "pro")
    assert session_of(stripe_side, first).status == "expired"
    assert open_sessions(stripe_side, buyer) == [second.json()["session_id"]]
    assert [attempt.open_customer_id is not None for attempt in attempts()] == [False, True]


def test_a_session_that_has_expired_is_followed_by_another(client, buyer, stripe_side):
    first = begin(client)
    stripe_side.api.checkout.sessions.expire(first.json()["session_id"])
    assert begin(client).json()["session_id"] != first.json()["session_id"]


def test_paid_in_one_tab_is_refused_in_the_other(client, buyer, stripe_side):
    """Requirement 53. The event has not arrived yet."""
    first = begin(client, "team")
    assert stripe_side.pay(first.json()["url"]).status_code in (200, 303)
    for plan in ("team", "pro"):
        assert outcome(begin(client, plan)) == (409, "already_subscribed")


def test_a_lost_answer_is_asked_for_again_with_the_same_key(client, buyer, stripe_side):
    """Requirement 53, R11."""
    payer(buyer)
    stripe_side.chaos(
        next=[{"fault": "lost", "method": "POST", "path": "/v1/checkout/sessions", "times": 3}]
    )
    assert outcome(begin(client)) == (503, "payments_unavailable")
    assert len(open_sessions(stripe_side, buyer)) == 1
    assert [begin(client).json()["session_id"]] == open_sessions(stripe_side, buyer)


def test_another_plan_closes_a_page_whose_response_was_lost(client, buyer, stripe_side):
    """Requirement 53."""
    payer(buyer)
    stripe_side.chaos(
        next=[{"fault": "lost", "method": "POST", "path": "/v1/checkout/sessions", "times": 3}]
    )
    begin(client, "team")
    assert [begin(client, "pro").json()["session_id"]] == open_sessions(stripe_side, buyer)


def test_while_stripe_is_away_nothing_is_begun_that_would_hinder(
    client, buyer, stripe_side, settings
):
    """R11."""
    settings(STRIPE_API_BASE="http://127.0.0.1:1")
    answer = begin(client)
    assert outcome(answer) == (503, "payments_unavailable")
    assert answer.headers["retry-after"]
    settings(STRIPE_API_BASE=stripe_side.url)
    assert begin(client).status_code == 201


@pytest.mark.parametrize("lost", [0.0, 0.2])
def test_twenty_checkouts_at_once_make_one_customer_and_session(
    client, committed, stripe_side, lost
):
    """Requirement 53: this is also true if responses are lost."""
    sell_plans()
    buyer = make_user()
    headers = {"Authorization": f"Bearer {token_for(buyer)}"}
    stripe_side.chaos(calls={"lost": lost}, seed=3)

    def click(number):
        plan = ("team", "pro")[number % 2] if number < 8 else "team"
        return client.post("/payments/checkout", json={"plan": plan}, headers=headers)

    with ThreadPoolExecutor(20) as pool:
        answers = [outcome(answer) for answer in pool.map(click, range(20))]
    stripe_side.chaos()
    assert set(answers) <= {(201, None), (409, "checkout_busy"), (503, "payments_unavailable")}
    last = click(19)
    assert last.status_code == 201
    assert open_sessions(stripe_side, buyer) == [last.json()["session_id"]]
    assert len(list(stripe_side.api.customers.list({"email": buyer.email}).auto_paging_iter())) == 1
    with SessionLocal() as db:
        assert db.scalar(select(func.count(Customer.id))) == 1


def test_an_idempotency_key_gives_the_same_answer(client, buyer):
    headers = {"Idempotency-Key": "one-click"}
    first = client.post("/payments/checkout", json={"plan": "team"}, headers=headers)
    again = client.post("/payments/checkout", json={"plan": "team"}, headers=headers)
    assert (again.json(), again.headers["idempotency-replayed"]) == (first.json(), "true")


def test_the_second_live_subscription_is_ended_and_paid_back(client, buyer, stripe_side):
    """Requirement 53, as a last resort: two pages were paid, although only one should
    have been open.
    """
    first = subscribe(stripe_side, buyer, metadata={"liftoff_attempt": "a"})
    second = subscribe(stripe_side, buyer, metadata={"liftoff_attempt": "b"})
    told(client, stripe_side, buyer)
    work()
    assert stripe_side.api.subscriptions.retrieve(first).status == "active"
    assert stripe_side.api.subscriptions.retrieve(second).status == "canceled"
    charges = list(
        stripe_side.api.charges.list({"customer": payer(buyer).stripe_id}).auto_paging_iter()
    )
    assert sorted(charge.amount_refunded for charge in charges) == [0, 4900]


@pytest.mark.parametrize("first", ["customer.subscription.created", "checkout.session.completed"])
def test_after_payment_the_user_is_subscribed_and_the_page_over(client, buyer, stripe_side, first):
    """Edge case: checkout finished before the subscription's event, and after it."""
    answer = begin(client, "team")
    stripe_side.pay(answer.json()["url"])
    assert outcome(client.get("/payments/subscription")) == (404, "no_subscription")
    events = stripe_side.events(payer(buyer).stripe_id)
    for arrived in ([one for one in events if one["type"] == first], events):
        assert arrived
        deliver(client, arrived)
        work()
        mine = client.get("/payments/subscription").json()
        assert (mine["status"], mine["plan"]["slug"]) == ("active", "team")
        assert attempts()[0].open_customer_id is None
        assert client.get("/payments/entitlements").json()["plan"] == "team"


@pytest.mark.parametrize(
    ("query", "status"),
    [("", 404), ("?session_id=cs_invented", 422), ("?session_id={theirs}", 422)],
)
def test_the_success_page_grants_nothing(client, buyer, stripe_side, query, status):
    """Requirement 49: the session in the URL belongs to another user, is unpaid or is
    invented. The page does not read the session.
    """
    theirs = begin(client).json()["session_id"]
    assert client.get(f"/payments/subscription{query.format(theirs=theirs)}").status_code == status
    assert client.get("/payments/entitlements").json()["plan"] == "free"
