"""A schedule moves a subscription from phase to phase as time passes.

A schedule takes over a subscription, or begins a new one.
"""

import pytest
from stripe import InvalidRequestError

from tests.simulator.resources.phases import phases_of
from tests.simulator.shop import DAY, HOUR, amounts, at, error_of, item_of, types


@pytest.fixture
def running(shop):
    """A subscription of 20.00 a month since January 1."""
    return shop.subscribe(shop.customer(), shop.price(2000))


def schedule_change(v1, subscription, price, **more):
    made = v1.subscription_schedules.create({"from_subscription": subscription})
    return v1.subscription_schedules.update(made.id, {"phases": phases_of(made, price, **more)})


def test_a_schedule_from_a_subscription_changes_nothing_of_it(shop, v1, running):
    before = shop.last_event()
    made = v1.subscription_schedules.create({"from_subscription": running.id})
    assert (made.status, made.subscription, made.customer) == (
        "active",
        running.id,
        running.customer,
    )
    assert (made.end_behavior, made.released_at, made.canceled_at, made.completed_at) == (
        "release",
        None,
        None,
        None,
    )
    (phase,) = made.phases
    assert (phase.start_date, phase.end_date) == (at("2026-01-01"), at("2026-02-01"))
    assert [(one.price, one.quantity) for one in phase["items"]] == [(shop.price(2000), 1)]
    assert made.current_phase.to_dict() == {
        "start_date": at("2026-01-01"),
        "end_date": at("2026-02-01"),
    }
    assert types(shop.events(before)) == [
        "subscription_schedule.created",
        "customer.subscription.updated",
    ]
    assert v1.subscriptions.retrieve(running.id).schedule == made.id
    assert v1.subscriptions.retrieve(running.id, {"expand": ["schedule"]}).schedule.id == made.id


def test_a_downgrade_waits_for_the_end_of_the_period(shop, v1, simulator, running):
    made = schedule_change(v1, running.id, shop.price(500))
    simulator.advance(to=at("2026-01-31T23:59"))
    assert item_of(v1.subscriptions.retrieve(running.id)).price.id == shop.price(2000)
    assert len(shop.invoices(running.id)) == 1
    simulator.advance(to=at("2026-02-01T02:00"))
    now = v1.subscriptions.retrieve(running.id)
    item = item_of(now)
    assert (item.price.id, item.id) == (shop.price(500), item_of(running).id)
    assert (item.current_period_start, item.current_period_end) == (
        at("2026-02-01"),
        at("2026-03-01"),
    )
    invoice = shop.invoices(running.id)[-1]
    assert (amounts(invoice), invoice.amount_paid, invoice.billing_reason) == (
        [500],
        500,
        "subscription_cycle",
    )
    found = v1.subscription_schedules.retrieve(made.id)
    assert (found.status, found.current_phase.end_date) == ("active", at("2026-03-01"))
    simulator.advance(to=at("2026-03-01T02:00"))
    found = v1.subscription_schedules.retrieve(made.id)
    assert (found.status, found.released_at, found.released_subscription) == (
        "released",
        at("2026-03-01"),
        running.id,
    )
    assert (found.subscription, found.current_phase) == (None, None)
    now = v1.subscriptions.retrieve(running.id)
    assert (now.schedule, now.status, item_of(now).price.id) == (None, "active", shop.price(500))
    assert "subscription_schedule.released" in types(shop.events())


@pytest.mark.parametrize(("old", "new"), [("month", "year"), ("year", "month")])
def test_another_interval_begins_its_cycle_with_the_phase(shop, v1, simulator, old, new):
    simulator.advance(to=at("2026-01-31T12:00"))
    running = shop.subscribe(shop.customer(), shop.price(2000, old))
    end = item_of(running).current_period_end
    schedule_change(v1, running.id, shop.price(900, new))
    shown = v1.invoices.create_preview({"subscription": running.id})
    simulator.advance(to=end + 2 * HOUR)
    now = v1.subscriptions.retrieve(running.id)
    assert item_of(now).current_period_start == now.billing_cycle_anchor == end
    assert item_of(now).price.recurring.interval == new
    assert [amounts(invoice) for invoice in shop.invoices(running.id)] == [[2000], [900]]
    assert amounts(shown) == [900]
    period = shop.invoices(running.id)[-1].lines.data[0].period
    assert (period.start, period.end) == (end, item_of(now).current_period_end)


def test_a_phase_within_a_period_is_prorated_as_it_says(shop, v1, simulator, running):
    made = v1.subscription_schedules.create({"from_subscription": running.id})
    now, then = phases_of(made, shop.price(4000), proration_behavior="always_invoice")
    now["end_date"] = at("2026-01-16T12:00")
    v1.subscription_schedules.update(
        made.id, {"phases": [now, then | {"duration": {"interval": "month"}}]}
    )
    simulator.advance(to=at("2026-01-17"))
    assert amounts(shop.invoices(running.id)[-1]) == [-1000, 2000]
    assert item_of(v1.subscriptions.retrieve(running.id)).current_period_end == at("2026-02-01")
    simulator.advance(to=at("2026-02-01T02:00"))
    assert amounts(shop.invoices(running.id)[-1]) == [4000]


def test_a_trial_goes_on_to_its_end_and_then_the_phase_begins(shop, v1, simulator):
    running = shop.subscribe(shop.customer(), shop.price(2000), trial_period_days=14)
    made = v1.subscription_schedules.create({"from_subscription": running.id})
    now, then = phases_of(made, shop.price(500))
    assert made.phases[0].trial_end == running.trial_end
    v1.subscription_schedules.update(
        made.id, {"phases": [now | {"trial_end": running.trial_end}, then]}
    )
    simulator.advance(to=at("2026-01-15T02:00"))
    ended = v1.subscriptions.retrieve(running.id)
    assert (ended.status, item_of(ended).price.id) == ("active", shop.price(500))
    assert [amounts(invoice) for invoice in shop.invoices(running.id)] == [[0], [500]]


def test_discounts_last_where_a_phase_names_them(shop, v1, simulator):
    coupon = v1.coupons.create({"percent_off": 50, "duration": "forever"}).id
    for names_it in (True, False):
        running = shop.subscribe(shop.customer(), shop.price(2000), discounts=[{"coupon": coupon}])
        made = v1.subscription_schedules.create({"from_subscription": running.id})
        more = (
            {"discounts": [{"discount": made.phases[0].discounts[0].discount}]} if names_it else {}
        )
        v1.subscription_schedules.update(
            made.id, {"phases": phases_of(made, shop.price(500), **more)}
        )
        simulator.advance(seconds=31 * DAY + 2 * HOUR)
        assert shop.invoices(running.id)[-1].total == (250 if names_it else 500)


def test_cancellation_is_left_to_the_schedule(shop, v1, simulator, running):
    made = v1.subscription_schedules.create({"from_subscription": running.id})
    for wish in (
        {"cancel_at_period_end": True},
        {"cancel_at_period_end": False},
        {"cancel_at": at("2026-01-20")},
    ):
        with pytest.raises(InvalidRequestError) as refused:
            v1.subscriptions.update(running.id, wish)
        assert error_of(refused).message == (
            f"The subscription is managed by the subscription schedule `{made.id}`, and updating "
            "any cancelation behavior directly is not allowed. Please update the schedule "
            "instead."
        )
    v1.subscription_schedules.update(made.id, {"end_behavior": "cancel"})
    assert v1.subscriptions.retrieve(running.id).cancel_at == at("2026-02-01")
    simulator.advance(to=at("2026-02-02"))
    assert v1.subscriptions.retrieve(running.id).status == "canceled"
    found = v1.subscription_schedules.retrieve(made.id)
    assert (found.status, found.completed_at) == ("completed", at("2026-02-01"))
    assert "subscription_schedule.completed" in types(shop.events())


@pytest.mark.parametrize("keeps", [True, False])
def test_release_leaves_the_subscription_and_perhaps_its_end(shop, v1, simulator, running, keeps):
    made = schedule_change(v1, running.id, shop.price(500))
    v1.subscription_schedules.update(made.id, {"end_behavior": "cancel"})
    end = v1.subscriptions.retrieve(running.id).cancel_at
    assert end == at("2026-03-01")
    released = v1.subscription_schedules.release(made.id, {"preserve_cancel_date": keeps})
    assert (released.status, released.released_subscription, released.subscription) == (
        "released",
        running.id,
        None,
    )
    assert v1.subscriptions.retrieve(running.id).cancel_at == (end if keeps else None)
    simulator.advance(to=at("2026-02-01T02:00"))
    assert amounts(shop.invoices(running.id)[-1]) == [2000]
    with pytest.raises(InvalidRequestError, match="currently in the `released` status"):
        v1.subscription_schedules.release(made.id)
    with pytest.raises(InvalidRequestError, match="currently in the `released` status"):
        v1.subscription_schedules.update(made.id, {"end_behavior": "release"})


def test_who_ends_the_one_ends_the_other(shop, v1, running):
    made = v1.subscription_schedules.create({"from_subscription": running.id})
    ended = v1.subscriptions.cancel(running.id)
    assert (ended.status, ended.schedule) == ("canceled", None)
    found = v1.subscription_schedules.retrieve(made.id)
    assert (found.status, found.canceled_at) == ("canceled", at("2026-01-01"))
    other = shop.subscribe(running.customer, shop.price(2000))
    made = v1.subscription_schedules.create({"from_subscription": other.id})
    assert v1.subscription_schedules.cancel(made.id).status == "canceled"
    assert v1.subscriptions.retrieve(other.id).status == "canceled"
    assert types(shop.events()).count("subscription_schedule.canceled") == 2


def test_a_schedule_of_a_customer_begins_at_its_time(shop, v1, simulator):
    customer = shop.customer()
    wish = {
        "customer": customer,
        "start_date": at("2026-01-10"),
        "end_behavior": "cancel",
        "metadata": {"deal": "spring"},
        "phases": [
            {
                "items": [{"price": shop.price(500), "quantity": 2}],
                "duration": {"interval": "month"},
            },
            {"items": [{"price": shop.price(2000)}], "metadata": {"phase": "two"}},
        ],
    }
    made = v1.subscription_schedules.create(wish)
    assert (made.status, made.subscription, made.current_phase) == ("not_started", None, None)
    listed = v1.subscription_schedules.list({"customer": customer, "scheduled": True}).data
    assert [one.id for one in listed] == [made.id]
    simulator.advance(to=at("2026-01-10T01:00"))
    found = v1.subscription_schedules.retrieve(made.id)
    (subscription,) = v1.subscriptions.list({"customer": customer}).data
    assert (found.status, found.subscription, subscription.schedule) == (
        "active",
        subscription.id,
        made.id,
    )
    assert subscription.cancel_at == found.phases[1].end_date == at("2026-03-10")
    simulator.advance(to=at("2026-03-11"))
    assert [amounts(invoice) for invoice in shop.invoices(subscription.id)] == [[1000], [2000]]
    ended = v1.subscriptions.retrieve(subscription.id)
    assert (ended.status, ended.metadata.to_dict()) == ("canceled", {"phase": "two"})
    assert v1.subscription_schedules.retrieve(made.id).status == "completed"


def test_one_that_has_not_begun_goes_with_its_customer(shop, v1):
    customer = shop.customer()
    wish = {
        "customer": customer,
        "start_date": at("2026-01-10"),
        "phases": [{"items": [{"price": shop.price(500)}]}],
    }
    made = v1.subscription_schedules.create(wish)
    v1.customers.delete(customer)
    assert v1.subscription_schedules.retrieve(made.id).status == "canceled"


def test_a_change_past_the_schedule_changes_its_current_phase(shop, v1, running):
    made = schedule_change(v1, running.id, shop.price(500))
    shop.change(running, shop.price(4000))
    now, then = v1.subscription_schedules.retrieve(made.id).phases
    assert [one.price for one in (now["items"][0], then["items"][0])] == [
        shop.price(4000),
        shop.price(500),
    ]


def test_a_phase_that_is_to_end_now_ends_now(shop, v1, running):
    made = v1.subscription_schedules.create({"from_subscription": running.id})
    now, then = phases_of(made, shop.price(4000), proration_behavior="none")
    found = v1.subscription_schedules.update(made.id, {"phases": [now | {"end_date": "now"}, then]})
    assert item_of(v1.subscriptions.retrieve(running.id)).price.id == shop.price(4000)
    assert found.current_phase.start_date == at("2026-01-01")
