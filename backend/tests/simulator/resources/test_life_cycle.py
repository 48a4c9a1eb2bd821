"""Subscriptions change as time passes."""

import pytest

from tests.simulator.conftest import NOW
from tests.simulator.shop import DAY, HOUR, amounts, at, before, item_of, types


def test_a_renewal_is_drafted_then_collected_an_hour_later(shop, v1, simulator):
    subscription = shop.subscribe(shop.customer(), shop.price(1000))
    simulator.advance(to=at("2026-01-25"))
    assert shop.events()[-1].type == "invoice.upcoming"
    start = shop.last_event()
    simulator.advance(to=at("2026-02-01"))
    draft = shop.invoices(subscription.id)[-1]
    assert (draft.status, draft.automatically_finalizes_at) == ("draft", at("2026-02-01T01:00"))
    assert draft.next_payment_attempt == draft.automatically_finalizes_at
    period = draft.lines.data[0].period
    assert (period.start, period.end) == (at("2026-02-01"), at("2026-03-01"))
    events = shop.events(start)
    assert types(events) == ["invoice.created", "customer.subscription.updated"]
    changed = before(events[1])
    assert changed["latest_invoice"] != draft.id
    assert changed["items"]["data"][0]["current_period_end"] == at("2026-02-01")
    simulator.advance(seconds=HOUR)
    assert types(shop.events(events[-1].id)) == [
        "invoice.finalized",
        "payment_intent.created",
        "charge.succeeded",
        "payment_intent.succeeded",
        "invoice_payment.paid",
        "invoice.updated",
        "invoice.paid",
        "invoice.payment_succeeded",
    ]
    paid = v1.invoices.retrieve(draft.id)
    assert (paid.status, paid.number[-4:], paid.attempt_count) == ("paid", "0002", 1)
    assert (paid.automatically_finalizes_at, paid.next_payment_attempt) == (None, None)


def test_the_announcement_is_of_the_invoice_to_come(shop, simulator):
    subscription = shop.subscribe(shop.customer(), shop.price(1000))
    simulator.advance(to=at("2026-01-25"))
    announced = shop.events()[-1].data.object
    simulator.advance(to=at("2026-02-01"))
    assert amounts(announced) == amounts(shop.invoices(subscription.id)[-1])
    assert announced.id.startswith("upcoming_in_")
    assert announced.billing_reason == "upcoming"


def test_periods_from_the_31st_end_on_the_last_day_of_a_month(shop, v1, simulator):
    simulator.advance(to=at("2026-01-31T12:00"))
    subscription = shop.subscribe(shop.customer(), shop.price(1000))
    ends = []
    for _ in range(4):
        end = item_of(v1.subscriptions.retrieve(subscription.id)).current_period_end
        ends.append(end)
        simulator.advance(to=end + HOUR)
    assert ends == [at(f"2026-{day}T12:00") for day in ("02-28", "03-31", "04-30", "05-31")]


def test_a_trial_warns_then_turns_into_a_paid_period(shop, v1, simulator):
    subscription = shop.subscribe(shop.customer(), shop.price(1000), trial_period_days=14)
    simulator.advance(seconds=11 * DAY - 1)
    assert "customer.subscription.trial_will_end" not in types(shop.events())
    simulator.advance(seconds=1)
    assert shop.events()[-1].type == "customer.subscription.trial_will_end"
    simulator.advance(seconds=3 * DAY)
    running = v1.subscriptions.retrieve(subscription.id)
    assert (running.status, item_of(running).current_period_end) == ("active", at("2026-02-15"))
    assert shop.invoices(subscription.id)[-1].status == "draft"
    simulator.advance(seconds=HOUR)
    invoice = shop.invoices(subscription.id)[-1]
    assert (invoice.status, invoice.amount_paid, invoice.billing_reason) == (
        "paid",
        1000,
        "subscription_cycle",
    )


def test_a_short_trial_warns_at_once(shop, simulator):
    shop.subscribe(shop.customer(), shop.price(1000), trial_period_days=2)
    simulator.advance(seconds=1)
    assert shop.events()[-1].type == "customer.subscription.trial_will_end"


@pytest.mark.parametrize(
    ("behavior", "outcome"),
    [
        ("cancel", ("canceled", "customer.subscription.deleted")),
        ("pause", ("paused", "customer.subscription.paused")),
        ("create_invoice", ("past_due", "invoice.payment_failed")),
    ],
)
def test_a_trial_that_ends_without_a_card(shop, v1, simulator, behavior, outcome):
    subscription = shop.subscribe(
        shop.customer(card=None),
        shop.price(1000),
        trial_period_days=7,
        trial_settings={"end_behavior": {"missing_payment_method": behavior}},
    )
    simulator.advance(seconds=7 * DAY + HOUR)
    ended = v1.subscriptions.retrieve(subscription.id)
    assert (ended.status, shop.events()[-1].type) == outcome
    if behavior == "pause":
        assert ended.status_details.paused.subscription.type == "trial_end_without_payment_method"


def test_without_a_first_payment_it_expires_after_23_hours(shop, v1, simulator):
    subscription = shop.subscribe(shop.customer("pm_card_chargeCustomerFail"), shop.price(1000))
    simulator.advance(seconds=23 * HOUR - 1)
    assert v1.subscriptions.retrieve(subscription.id).status == "incomplete"
    start = shop.last_event()
    simulator.advance(seconds=1)
    expired = v1.subscriptions.retrieve(subscription.id)
    assert (expired.status, expired.ended_at) == ("incomplete_expired", NOW + 23 * HOUR)
    assert shop.invoices(subscription.id)[0].status == "void"
    assert types(shop.events(start)) == [
        "payment_intent.canceled",
        "invoice.updated",
        "invoice.voided",
        "customer.subscription.updated",
    ]
    simulator.advance(to=at("2026-03-02"))
    assert len(shop.invoices(subscription.id)) == 1


def test_a_test_clock_has_a_time_of_its_own(shop, v1):
    clock = v1.test_helpers.test_clocks.create({"frozen_time": at("2030-01-01")})
    subscription = shop.subscribe(shop.customer(test_clock=clock.id), shop.price(1000))
    assert item_of(subscription).current_period_end == at("2030-02-01")
    assert subscription.test_clock == clock.id
    v1.test_helpers.test_clocks.advance(clock.id, {"frozen_time": at("2030-02-01T01:00")})
    while v1.test_helpers.test_clocks.retrieve(clock.id).status != "ready":
        pass
    assert [invoice.status for invoice in shop.invoices(subscription.id)] == ["paid", "paid"]
