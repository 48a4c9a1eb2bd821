"""Changes to another interval. Whether the anchor moves or not, the new period always
has the interval of the new price.

The amounts and periods of the first two tests are those of calls recorded from Stripe
(pay-rails/pay, 2025-10-29).
"""

import pytest
from stripe import InvalidRequestError

from tests.simulator.shop import DAY, amounts, at, error_of, item_of

KEPT, NOW = {"type": "unchanged"}, {"type": "now"}


@pytest.fixture
def monthly(shop, simulator):
    """A subscription of 25.00 a month. It began three seconds ago, on January 1."""
    made = shop.subscribe(shop.customer(), shop.price(2500))
    simulator.advance(seconds=3)
    return made


def period(subscription):
    item = item_of(subscription)
    return item.current_period_start, item.current_period_end


def test_with_trial_end_now_the_anchor_stays(shop, monthly):
    changed = shop.change(
        monthly, shop.price(25000, "year"), trial_end="now", proration_behavior="always_invoice"
    )
    assert changed.billing_cycle_anchor == monthly.billing_cycle_anchor == at("2026-01-01")
    assert period(changed) == (at("2026-01-01"), at("2027-01-01"))
    invoice = shop.invoices(monthly.id)[-1]
    assert (amounts(invoice), invoice.amount_due, invoice.status) == ([-2500, 25000], 22500, "paid")
    assert [line.description for line in invoice.lines.data] == [
        "Unused time on Pro after 1 Jan 2026",
        "Remaining time on Pro after 1 Jan 2026",
    ]
    assert [line.period.end for line in invoice.lines.data] == [at("2026-02-01"), at("2027-01-01")]
    assert (changed.trial_end, changed.status) == (None, "active")


def test_with_an_anchor_of_now_a_new_cycle_begins(shop, monthly):
    now = at("2026-01-01") + 3
    changed = shop.change(
        monthly,
        shop.price(25000, "year"),
        trial_end="now",
        billing_cycle_anchor=NOW,
        proration_behavior="always_invoice",
    )
    assert changed.billing_cycle_anchor == now
    assert period(changed) == (now, at("2027-01-01") + 3)
    credit, charge = shop.invoices(monthly.id)[-1].lines.data
    assert (credit.amount, credit.parent.subscription_item_details.proration) == (-2500, True)
    assert (charge.amount, charge.parent.subscription_item_details.proration) == (25000, False)
    assert (charge.period.start, charge.period.end) == (now, at("2027-01-01") + 3)


@pytest.mark.parametrize("wish", [{"trial_end": "now"}, {"billing_cycle_anchor": KEPT}])
def test_a_year_is_charged_once_and_a_month_monthly(shop, simulator, wish):
    """The simulator once charged the price of a year for one month, and charged it
    again a month later.
    """
    running = shop.subscribe(shop.customer(), shop.price(2500))
    shop.change(running, shop.price(25000, "year"), proration_behavior="always_invoice", **wish)
    simulator.advance(to=at("2026-06-11"))
    assert [invoice.amount_paid for invoice in shop.invoices(running.id)] == [2500, 22500]
    back = shop.change(running, shop.price(2500), proration_behavior="always_invoice", **wish)
    assert period(back) == (at("2026-06-01"), at("2026-07-01"))
    # The unused part of the year is 25000 * 204/365, and the rest of June costs 2500 *
    # 20/30.
    assert amounts(shop.invoices(running.id)[-1]) == [-13973, 1667]
    simulator.advance(to=at("2026-07-01T02:00"))
    renewal = shop.invoices(running.id)[-1]
    assert (amounts(renewal), renewal.amount_due, renewal.starting_balance) == (
        [2500],
        0,
        1667 - 13973,
    )


def test_by_default_another_interval_begins_a_cycle(shop, simulator, monthly):
    simulator.advance(to=at("2026-01-16T12:00"))
    changed = shop.change(monthly, shop.price(25000, "year"))
    assert changed.billing_cycle_anchor == at("2026-01-16T12:00")
    assert period(changed) == (at("2026-01-16T12:00"), at("2027-01-16T12:00"))
    assert amounts(shop.invoices(monthly.id)[-1]) == [-1250, 25000]


def test_a_trial_that_ends_now_may_keep_its_anchor(shop, simulator):
    """The customer pays for the rest of the period up to the anchor, which is half of
    January.
    """
    running = shop.subscribe(shop.customer(), shop.price(2500), trial_end=at("2026-02-01"))
    simulator.advance(to=at("2026-01-16T12:00"))
    begun = shop.change(running, shop.price(2500), trial_end="now", billing_cycle_anchor=KEPT)
    assert (begun.status, begun.billing_cycle_anchor) == ("active", at("2026-02-01"))
    assert period(begun) == (at("2026-01-01"), at("2026-02-01"))
    assert amounts(shop.invoices(running.id)[-1]) == [1250]


def test_no_cycle_begins_while_a_trial_goes_on(shop, v1):
    running = shop.subscribe(shop.customer(), shop.price(2500), trial_period_days=10)
    for wish in ({}, {"trial_end": running.created + 20 * DAY}):
        with pytest.raises(InvalidRequestError) as refused:
            v1.subscriptions.update(running.id, {"billing_cycle_anchor": NOW, **wish})
        assert error_of(refused).code == "simulator_unsupported"


def test_the_preview_keeps_the_anchor_as_the_change_does(shop, v1, monthly):
    details = {
        "items": [{"id": item_of(monthly).id, "price": shop.price(25000, "year")}],
        "billing_cycle_anchor": KEPT,
        "proration_behavior": "always_invoice",
    }
    shown = v1.invoices.create_preview(
        {"subscription": monthly.id, "subscription_details": details}
    )
    shop.change(
        monthly,
        shop.price(25000, "year"),
        billing_cycle_anchor=KEPT,
        proration_behavior="always_invoice",
    )
    assert amounts(shown) == amounts(shop.invoices(monthly.id)[-1]) == [-2500, 25000]
