"""The application sees, compares and replaces schedules that were created in Stripe's
dashboard.
"""

import pytest

from app.routers.payments.operations import doctor
from tests.payments.factories import plan_of
from tests.payments.steps import MINE, deliver, payer, subscription_row, told, work
from tests.payments.test_scheduled_changes import schedule, scheduled_slug


def test_a_schedule_made_by_hand_is_seen_and_repaired(client, subscriber, stripe_side):
    """An administrator plans a change in Stripe's dashboard.

    The doctor finds the schedule, although no event announced it.
    """
    api = stripe_side.api
    made = api.subscription_schedules.create({"from_subscription": subscriber.stripe})
    now = made.phases[0]
    begun = {
        "items": [{"price": now["items"][0].price}],
        "start_date": now.start_date,
        "end_date": now.end_date,
    }
    then = {"items": [{"price": plan_of("pro").stripe_price_id}]}
    api.subscription_schedules.update(made.id, {"phases": [begun, then]})
    found = doctor.find_differences(patience=0)
    assert {one.what for one in found} == {"schedule_id", "scheduled_at", "scheduled_price_id"}
    doctor.repair_differences(found)
    assert doctor.find_differences(patience=0) == []
    assert scheduled_slug(client) == "pro"
    api.subscription_schedules.release(made.id)
    (released,) = [
        one
        for one in stripe_side.events(made.id)
        if one["type"] == "subscription_schedule.released"
    ]
    deliver(client, [released])
    work()
    assert scheduled_slug(client) is None
    assert doctor.find_differences(patience=0) == []


@pytest.mark.parametrize("wish", ["cancel", "resume", "change"])
def test_a_schedule_that_nobody_told_us_of_gives_way(client, subscriber, stripe_side, wish):
    schedules = stripe_side.api.subscription_schedules
    made = schedules.create({"from_subscription": subscriber.stripe})
    if wish == "resume":
        schedules.update(made.id, {"end_behavior": "cancel"})
    answer = client.post(f"{MINE}/{wish}", json={"plan": "pro"} if wish == "change" else {})
    assert (answer.status_code, answer.json()["cancel_at_period_end"]) == (200, wish == "cancel")
    assert schedules.retrieve(made.id).status == "released"
    told(client, stripe_side, subscriber)
    assert doctor.find_differences(patience=0) == []


def test_a_schedule_at_a_price_of_nobodys_is_not_shown(client, subscriber, stripe_side):
    product = stripe_side.api.products.create({"name": "Special"}).id
    recurring = {"currency": "eur", "unit_amount": 100, "recurring": {"interval": "month"}}
    price = stripe_side.api.prices.create({"product": product, **recurring}).id
    made = stripe_side.api.subscription_schedules.create({"from_subscription": subscriber.stripe})
    now = made.phases[0]
    begun = {
        "items": [{"price": now["items"][0].price}],
        "start_date": now.start_date,
        "end_date": now.end_date,
    }
    stripe_side.api.subscription_schedules.update(
        made.id, {"phases": [begun, {"items": [{"price": price}]}]}
    )
    told(client, stripe_side, subscriber)
    assert (scheduled_slug(client), subscription_row(subscriber.stripe).scheduled_price_id) == (
        None,
        price,
    )


def test_a_customer_deleted_at_stripe_has_nothing_scheduled(client, subscriber, stripe_side):
    schedule(client)
    stripe_side.api.customers.delete(payer(subscriber).stripe_id)
    told(client, stripe_side, subscriber)
    row = subscription_row(subscriber.stripe)
    assert (row.status, row.schedule_id, row.scheduled_price_id, row.scheduled_at) == (
        "canceled",
        None,
        None,
        None,
    )
