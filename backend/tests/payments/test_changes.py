"""Only the owner of a subscription sees it, and can change it at Stripe."""

from datetime import timedelta

import pytest
from sqlalchemy import update

from app.core.types import utc_now
from app.db.database import SessionLocal
from app.routers.payments.models import Plan, Subscription
from tests.auth.factories import make_user
from tests.payments.factories import make_customer, make_subscription, plan_of
from tests.payments.steps import MINE, outcome, payer, subscription_row, told


def paid(side, user):
    """Return the sum of all charges, in minor units."""
    charges = side.api.charges.list(
        {"customer": payer(user).stripe_id, "limit": 100}
    ).auto_paging_iter()
    return sum(
        charge.amount - charge.amount_refunded for charge in charges if charge.status == "succeeded"
    )


def choose(client, action, plan):
    return client.post(f"{MINE}/{action}", json={"plan": plan})


ACTIONS = [
    ("get", "", None),
    ("post", "/preview", {"plan": "pro"}),
    ("post", "/change", {"plan": "pro"}),
    ("post", "/cancel", {}),
    ("post", "/resume", None),
]


@pytest.mark.parametrize(("method", "path", "body"), ACTIONS)
def test_the_public_is_refused(client, db, method, path, body):
    assert client.request(method, MINE + path, json=body).status_code == 401


@pytest.mark.parametrize("action", ACTIONS)
def test_another_users_subscription_is_none(client, subscriber, login, action):
    """Requirement 49."""
    method, path, body = action
    login(make_user())
    assert outcome(client.request(method, MINE + path, json=body)) == (404, "no_subscription")
    assert subscription_row(subscriber.stripe).status == "active"


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/change", {"plan": "pro", "proration_date": 1}),
        ("/preview", {"plan": "pro", "customer": "cus_1"}),
        ("/cancel", {"at_period_end": "yes"}),
        ("/cancel", {"at_period_end": None}),
        ("/cancel", {"refund": True}),
    ],
)
def test_nothing_else_is_taken_from_a_client(client, subscriber, path, body):
    """Requirement 48."""
    assert outcome(client.post(MINE + path, json=body)) == (422, "validation_error")


def test_a_subscription_is_shown_with_its_plan_and_what_it_opens(client, subscriber):
    row, plan = subscription_row(subscriber.stripe), plan_of("team")
    shown = client.get(MINE).json()
    assert (shown["id"], shown["status"], shown["plan"]["id"]) == (row.id, "active", plan.id)
    assert shown["current_period_end"] == row.current_period_end.isoformat().replace("+00:00", "Z")
    assert (shown["trial_end"], shown["cancel_at_period_end"], shown["canceled_at"]) == (
        None,
        False,
        None,
    )
    assert shown["entitlements"] == plan.entitlements


def test_one_that_has_ended_is_none(client, db, login, shown_plans):
    make_subscription(make_customer(login(make_user())), status="canceled", live_customer_id=None)
    assert outcome(client.get(MINE)) == (404, "no_subscription")


def test_an_incomplete_subscription_is_shown_and_grants_nothing(client, db, login, shown_plans):
    """Edge case: incomplete and incomplete_expired are not active."""
    make_subscription(make_customer(login(make_user())), status="incomplete", live_customer_id=None)
    shown = client.get(MINE).json()
    assert (shown["status"], shown["entitlements"]) == (
        "incomplete",
        {"features": [], "limits": {}},
    )


@pytest.mark.parametrize("plan", ["team-yearly", "pro-yearly", "pro"])
def test_a_change_charges_what_the_preview_has_shown(client, subscriber, stripe_side, plan):
    """Edge cases: plan up, plan down and another interval, with preview and
    proration.
    """
    before = paid(stripe_side, subscriber)
    shown = choose(client, "preview", plan).json()
    assert shown["amount_due"] == max(0, sum(line["amount"] for line in shown["lines"]))
    assert any(line["amount"] < 0 for line in shown["lines"])
    kept = subscription_row(subscriber.stripe)
    changed = choose(client, "change", plan)
    assert changed.status_code == 200
    assert (changed.json()["plan"]["slug"], changed.json()["status"]) == (plan, "active")
    assert paid(stripe_side, subscriber) - before == shown["amount_due"]
    after = subscription_row(subscriber.stripe)
    assert (after.previewed_at, after.proration_at) == (
        kept.previewed_at,
        kept.proration_at,
    )  # the proration is not computed again
    told(client, stripe_side, subscriber)
    assert client.get(MINE).json() == changed.json()


def test_a_change_clicked_many_times_is_charged_once(client, subscriber, stripe_side):
    """Requirement 53."""
    assert choose(client, "change", "team-yearly").status_code == 200
    total = paid(stripe_side, subscriber)
    assert outcome(choose(client, "change", "team-yearly")) == (409, "already_on_plan")
    assert paid(stripe_side, subscriber) == total


def test_an_answer_that_was_lost_does_not_charge_twice(client, subscriber, stripe_side):
    """Requirement 53, R11: the call is repeated with the same key, although our row
    does not record that the first call succeeded.
    """
    path = f"/v1/subscriptions/{subscriber.stripe}"
    stripe_side.chaos(next=[{"fault": "lost", "method": "POST", "path": path, "times": 3}])
    assert outcome(choose(client, "change", "team-yearly")) == (503, "payments_unavailable")
    total = paid(stripe_side, subscriber)
    assert total > 4900
    assert choose(client, "change", "team-yearly").json()["plan"]["slug"] == "team-yearly"
    assert paid(stripe_side, subscriber) == total


def test_the_same_change_again_after_a_way_back_is_made_again(client, subscriber, stripe_side):
    """If the second change had the Idempotency-Key of the first, Stripe would repeat
    the old response and change nothing.
    """
    assert choose(client, "change", "team-yearly").status_code == 200
    item = stripe_side.api.subscriptions.retrieve(subscriber.stripe)["items"].data[0].id
    back = {"items": [{"id": item, "price": plan_of("team").stripe_price_id}]}
    stripe_side.api.subscriptions.update(subscriber.stripe, back)  # for example, in the portal
    told(client, stripe_side, subscriber)
    stripe_side.advance(seconds=2)
    assert choose(client, "change", "team-yearly").json()["plan"]["slug"] == "team-yearly"
    now_has = stripe_side.api.subscriptions.retrieve(subscriber.stripe)["items"].data[0].price.id
    assert now_has == plan_of("team-yearly").stripe_price_id


def test_a_change_that_was_declined_is_asked_for_anew(client, shown_plans, login, script):
    """With another card, the change may succeed. If the next attempt had the same
    Idempotency-Key, Stripe would repeat the refusal.
    """
    with SessionLocal() as db, db.begin():
        db.execute(update(Plan).where(Plan.slug == "team").values(stripe_price_id="price_team"))
    payer_row = make_customer(login(make_user()))
    row = make_subscription(
        payer_row, previewed_price_id="price_team", previewed_at=utc_now(), proration_at=utc_now()
    )
    script.answers = [
        (402, {"error": {"type": "card_error", "code": "card_declined", "message": "Declined."}})
    ]
    assert outcome(choose(client, "change", "team")) == (402, "payment_failed")
    assert subscription_row(row.stripe_id).previewed_price_id is None


def test_each_try_of_a_change_has_the_same_idempotency_key(client, shown_plans, login, script):
    """Requirement 53: the key is derived from stored values."""
    with SessionLocal() as db, db.begin():
        db.execute(update(Plan).where(Plan.slug == "team").values(stripe_price_id="price_team"))
    payer_row = make_customer(login(make_user()))
    make_subscription(
        payer_row, previewed_price_id="price_team", previewed_at=utc_now(), proration_at=utc_now()
    )
    script.answers = [(500, {"error": {"type": "api_error"}})]
    for _ in range(2):
        assert outcome(choose(client, "change", "team")) == (503, "payments_unavailable")
    keys = [headers["Idempotency-Key"] for _, _, headers, _ in script.requests]
    assert (len(keys) >= 4, len(set(keys))) == (True, 1)


def test_what_was_shown_long_ago_is_reckoned_again(client, subscriber, stripe_side):
    choose(client, "preview", "team-yearly")
    with SessionLocal() as db, db.begin():
        stale = utc_now() - timedelta(minutes=16)
        db.execute(update(Subscription).values(previewed_at=stale, proration_at=stale))
    choose(client, "change", "team-yearly")
    assert (subscription_row(subscriber.stripe).proration_at or stale) > stale


def test_what_was_shown_and_no_longer_holds_is_reckoned_again(client, subscriber, stripe_side):
    choose(client, "preview", "team-yearly")
    with SessionLocal() as db, db.begin():
        db.execute(update(Subscription).values(proration_at=utc_now() - timedelta(days=40)))
    assert choose(client, "change", "team-yearly").json()["plan"]["slug"] == "team-yearly"


@pytest.mark.parametrize(
    ("plan", "refusal"),
    [
        ("gold", (404, "plan_not_found")),
        ("free", (409, "plan_not_for_sale")),
        ("team", (409, "already_on_plan")),
    ],
)
@pytest.mark.parametrize("action", ["preview", "change"])
def test_what_cannot_be_chosen_is_refused(client, subscriber, action, plan, refusal):
    assert outcome(choose(client, action, plan)) == refusal


def use_card(side, user, card):
    customer = payer(user).stripe_id
    method = side.api.payment_methods.attach(card, {"customer": customer})
    side.api.customers.update(customer, {"invoice_settings": {"default_payment_method": method.id}})


def test_a_change_that_the_bank_declines_changes_nothing(client, subscriber, stripe_side):
    use_card(stripe_side, subscriber, "pm_card_chargeCustomerFail")
    answer = choose(client, "change", "team-yearly")
    assert outcome(answer) == (402, "payment_failed")
    assert answer.json()["pay_url"].startswith(stripe_side.url)
    told(client, stripe_side, subscriber)
    assert client.get(MINE).json()["plan"]["slug"] == "team"


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/preview", {"plan": "pro"}),
        ("/change", {"plan": "pro"}),
        ("/cancel", {}),
        ("/resume", None),
    ],
)
def test_while_stripe_is_away_each_says_so_and_changes_nothing(
    client, subscriber, settings, path, body
):
    """R11."""
    before = subscription_row(subscriber.stripe)
    settings(STRIPE_API_BASE="http://127.0.0.1:1")
    answer = client.post(MINE + path, json=body)
    assert outcome(answer) == (503, "payments_unavailable")
    assert answer.headers["retry-after"]
    after = subscription_row(subscriber.stripe)
    assert (after.status, after.cancel_at_period_end, after.stripe_price_id) == (
        before.status,
        before.cancel_at_period_end,
        before.stripe_price_id,
    )


def test_with_payments_switched_off_each_says_so(client, subscriber, settings):
    settings(PAYMENTS_ENABLED="false")
    assert outcome(client.post(f"{MINE}/cancel", json={})) == (503, "payments_unavailable")
