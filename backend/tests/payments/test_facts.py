"""Facts of a subscription in addition to its status, such as a planned end or a pause.

The subscription's owner sees these facts in the API and in emails, and operators see
them, too.
"""

import time
from datetime import UTC, datetime

import pytest
from sqlalchemy import select, update

from app.db.database import SessionLocal
from app.routers.payments.models import Subscription
from app.routers.payments.operations import doctor
from tests.auth.factories import make_user
from tests.payments.factories import make_customer, make_subscription
from tests.payments.steps import MINE, outcome, payer, subscription_row, told
from tests.payments.stripe_side import plain_http

DAY = 86_400


def at_stripe(subscriber, stripe_side):
    return stripe_side.api.subscriptions.retrieve(subscriber.stripe)


def change(client, subscriber, stripe_side, **facts):
    """Change the subscription at Stripe, deliver the event, and return what the owner
    sees.
    """
    stripe_side.api.subscriptions.update(subscriber.stripe, facts)
    told(client, stripe_side, subscriber)
    return client.get(MINE).json()


def plan_in_force(client):
    return client.get("/payments/entitlements").json()["plan"]


def portal(client, subscriber, action):
    """Press a button in Stripe's portal as the owner."""
    url = client.post("/payments/portal").json()["url"]
    answer = plain_http().post(f"{url}/subscriptions/{subscriber.stripe}/{action}", data={})
    assert answer.status_code == 303


def as_moment(seconds):
    return datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")


def test_cancelled_in_the_portal_it_ends_with_its_period(client, subscriber, stripe_side):
    """Edge case: cancel at period end. Stripe's portal only sets `cancel_at`."""
    portal(client, subscriber, "cancel")
    there = at_stripe(subscriber, stripe_side)
    end = there["items"].data[0].current_period_end
    assert (there.cancel_at, there.cancel_at_period_end) == (end, False)
    told(client, stripe_side, subscriber)
    mine = client.get(MINE).json()
    assert (mine["status"], mine["cancel_at_period_end"]) == ("active", True)
    assert mine["cancel_at"] == mine["current_period_end"] == as_moment(end)
    assert mine["canceled_at"] is not None
    assert doctor.find_differences(patience=0) == []


@pytest.mark.parametrize("way", ["portal", "ours", "a flag of Stripe's", "a moment of its own"])
def test_whichever_way_it_was_to_end_it_can_be_resumed(client, subscriber, stripe_side, way):
    match way:
        case "portal":
            portal(client, subscriber, "cancel")
        case "ours":
            assert client.post(f"{MINE}/cancel", json={}).json()["cancel_at_period_end"] is True
        case "a flag of Stripe's":
            change(client, subscriber, stripe_side, cancel_at_period_end=True)
        case _:
            change(client, subscriber, stripe_side, cancel_at=int(time.time()) + 90 * DAY)
    told(client, stripe_side, subscriber)
    assert client.get(MINE).json()["cancel_at"] is not None
    resumed = client.post(f"{MINE}/resume").json()
    assert (resumed["cancel_at"], resumed["cancel_at_period_end"], resumed["canceled_at"]) == (
        None,
        False,
        None,
    )
    there = at_stripe(subscriber, stripe_side)
    assert (there.cancel_at, there.cancel_at_period_end) == (None, False)


def test_taken_back_in_the_portal_it_goes_on(client, subscriber, stripe_side):
    portal(client, subscriber, "cancel")
    portal(client, subscriber, "resume")
    told(client, stripe_side, subscriber)
    mine = client.get(MINE).json()
    assert (mine["cancel_at"], mine["cancel_at_period_end"]) == (None, False)


def test_an_end_after_this_period_is_no_end_with_it(client, subscriber, stripe_side):
    later = int(time.time()) + 90 * DAY
    mine = change(client, subscriber, stripe_side, cancel_at=later)
    assert (mine["cancel_at"], mine["cancel_at_period_end"]) == (as_moment(later), False)
    ended = client.post(f"{MINE}/cancel", json={}).json()
    assert (ended["cancel_at"], ended["cancel_at_period_end"]) == (
        ended["current_period_end"],
        True,
    )


def test_a_flag_without_a_moment_has_the_end_of_the_period(stripe_side, subscriber):
    """Older versions of Stripe's API may send this."""
    from app.routers.payments.gateway.reading import subscription_of

    there = at_stripe(subscriber, stripe_side)
    there.update({"cancel_at_period_end": True, "cancel_at": None})
    seen = subscription_of(there)
    assert (seen.cancel_at, seen.cancel_at_period_end) == (seen.current_period_end, True)


@pytest.mark.parametrize(
    ("behavior", "plan"),
    [("void", "free"), ("mark_uncollectible", "team"), ("keep_as_draft", "team")],
)
def test_a_paused_collection_is_shown_and_resumed(client, subscriber, stripe_side, behavior, plan):
    """Edge case: paused collection. With `void`, the service is not provided. With the
    other two behaviours, it continues.
    """
    mine = change(client, subscriber, stripe_side, pause_collection={"behavior": behavior})
    assert (mine["status"], mine["collection_paused"]) == ("active", True)
    assert (plan_in_force(client), bool(mine["entitlements"]["features"])) == (plan, plan == "team")
    resumed = client.post(f"{MINE}/resume").json()
    assert (resumed["collection_paused"], plan_in_force(client)) == (False, "team")
    assert at_stripe(subscriber, stripe_side).pause_collection is None


def test_an_end_and_a_pause_are_taken_back_together(client, subscriber, stripe_side):
    portal(client, subscriber, "cancel")
    change(client, subscriber, stripe_side, pause_collection={"behavior": "void"})
    resumed = client.post(f"{MINE}/resume").json()
    assert (resumed["cancel_at"], resumed["collection_paused"]) == (None, False)


def test_a_pause_with_a_last_moment_is_over_then_heard_of_or_not(
    client, login, shown_plans, billing
):
    from app.core.types import utc_now

    user = login(make_user())
    made = make_subscription(
        make_customer(user), "team", pause_behavior="void", pause_until=utc_now()
    )
    assert (client.get(MINE).json()["collection_paused"], plan_in_force(client)) == (False, "team")
    with SessionLocal() as db, db.begin():
        db.execute(update(Subscription).where(Subscription.id == made.id).values(pause_until=None))
    assert (client.get(MINE).json()["collection_paused"], plan_in_force(client)) == (True, "free")


def test_void_closes_a_trial_and_a_time_of_grace_too(client, login, shown_plans, billing, db):
    user = login(make_user())
    made = make_subscription(make_customer(user), "team", pause_behavior="void")
    for status in ("trialing", "active", "past_due"):
        db.execute(update(Subscription).where(Subscription.id == made.id).values(status=status))
        db.commit()
        assert plan_in_force(client) == "free", status


def every_fact(client, subscriber, stripe_side):
    """Return the columns of the row for a pause, a later end and a discount."""
    coupon = stripe_side.api.coupons.create(
        {"percent_off": 25, "duration": "repeating", "duration_in_months": 3}
    )
    until = int(time.time()) + 20 * DAY
    facts = {
        "pause_collection": {"behavior": "keep_as_draft", "resumes_at": until},
        "cancel_at": until + 90 * DAY,
    }
    change(client, subscriber, stripe_side, **facts, discounts=[{"coupon": coupon.id}])
    return coupon.id, until


def test_administrators_see_every_fact(client, subscriber, stripe_side, login):
    coupon, until = every_fact(client, subscriber, stripe_side)
    login(make_user(is_superuser=True))
    (one,) = client.get("/payments/admin/subscriptions").json()["items"]
    assert (one["pause_behavior"], one["pause_until"]) == ("keep_as_draft", as_moment(until))
    assert (one["cancel_at"], one["cancel_at_period_end"]) == (as_moment(until + 90 * DAY), False)
    assert one["trial_without_card"] == "create_invoice"
    assert (one["pending_update_until"], one["days_until_due"]) == (None, None)
    (discount,) = one["discounts"]
    assert (discount["coupon"], discount["percent_off"], discount["amount_off"]) == (
        coupon,
        25.0,
        None,
    )
    assert discount["ends_at"] is not None


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("pause_behavior", None),
        ("pause_until", None),
        ("cancel_at", None),
        ("cancel_at_period_end", True),
        ("discounts", []),
        ("trial_without_card", "pause"),
        ("days_until_due", 14),
        ("pending_update_until", datetime(2026, 1, 1, tzinfo=UTC)),
    ],
)
def test_the_doctor_compares_and_repairs_each_fact(client, subscriber, stripe_side, column, value):
    every_fact(client, subscriber, stripe_side)
    assert doctor.find_differences(patience=0) == []
    with SessionLocal() as db, db.begin():
        db.execute(update(Subscription).values({column: value}))
    found = doctor.find_differences(patience=0)
    assert [(one.subject, one.what) for one in found] == [(subscriber.stripe, column)]
    doctor.repair_differences(found)
    assert doctor.find_differences(patience=0) == []


def test_a_change_awaiting_payment_is_stored_until_it_is_over(client, subscriber, stripe_side):
    """Edge case: pending updates."""
    card = stripe_side.api.payment_methods.attach(
        "pm_card_authenticationRequired", {"customer": payer(subscriber).stripe_id}
    )
    stripe_side.api.subscriptions.update(subscriber.stripe, {"default_payment_method": card.id})
    told(client, stripe_side, subscriber)
    answer = client.post(f"{MINE}/change", json={"plan": "team-yearly"})
    assert outcome(answer) == (402, "payment_failed")
    told(client, stripe_side, subscriber)
    waiting = subscription_row(subscriber.stripe)
    assert waiting.pending_update_until is not None
    assert client.get(MINE).json()["plan"]["slug"] == "team"
    there = stripe_side.api.subscriptions.retrieve(
        subscriber.stripe, {"expand": ["latest_invoice"]}
    )
    stripe_side.api.invoices.void_invoice(there.latest_invoice.id)
    told(client, stripe_side, subscriber)
    assert subscription_row(subscriber.stripe).pending_update_until is None


def test_what_was_intended_does_not_outlive_the_subscription(client, subscriber, stripe_side):
    """If Stripe or the deletion of the customer ends the subscription immediately, no
    planned end, pause or change remains.
    """
    every_fact(client, subscriber, stripe_side)
    ended = client.post(f"{MINE}/cancel", json={"at_period_end": False}).json()
    assert (ended["cancel_at"], ended["cancel_at_period_end"], ended["collection_paused"]) == (
        None,
        False,
        False,
    )
    there = at_stripe(subscriber, stripe_side)
    assert (there.cancel_at, there.cancel_at_period_end, there.pause_collection) == (
        None,
        False,
        None,
    )


def test_a_customer_deleted_at_stripe_leaves_no_intentions(client, subscriber, stripe_side):
    every_fact(client, subscriber, stripe_side)
    stripe_side.api.customers.delete(payer(subscriber).stripe_id)
    told(client, stripe_side, subscriber)
    with SessionLocal() as db:
        row = db.scalars(select(Subscription)).one()
    assert (row.status, row.cancel_at, row.pause_behavior, row.pause_until) == (
        "canceled",
        None,
        None,
        None,
    )
