"""Changes in the middle of a period, with amounts that were calculated by hand.

January has 31 days, so 2,678,400 seconds.
"""

import pytest
import stripe

from tests.simulator.conftest import NOW
from tests.simulator.shop import DAY, HOUR, amounts, at, before, item_of, types


def preview(v1, subscription, price, **details):
    items = [{"id": item_of(subscription).id, "price": price}]
    return v1.invoices.create_preview(
        {"subscription": subscription.id, "subscription_details": {"items": items, **details}}
    )


def test_an_upgrade_is_invoiced_at_once(shop, v1, simulator, running):
    """On January 11, 21 of 31 days are left: 1000 * 21/31 = 677.42, 2000 * 21/31 =
    1354.84.
    """
    simulator.advance(to=at("2026-01-11"))
    shown = preview(v1, running, shop.price(2000), proration_behavior="always_invoice")
    start = shop.last_event()
    changed = shop.change(running, shop.price(2000), proration_behavior="always_invoice")
    invoice = shop.invoices(running.id)[-1]
    assert amounts(invoice) == amounts(shown) == [-677, 1355]
    assert (invoice.total, invoice.status, invoice.billing_reason) == (
        678,
        "paid",
        "subscription_update",
    )
    assert (shown.total, shown.amount_due, shown.billing_reason, shown.status) == (
        678,
        678,
        "upcoming",
        "draft",
    )
    assert shown.parent.subscription_details.subscription_proration_date == at("2026-01-11")
    assert [line.description for line in invoice.lines.data] == [
        "Unused time on Pro after 11 Jan 2026",
        "Remaining time on Pro after 11 Jan 2026",
    ]
    assert [line.pricing.unit_amount_decimal for line in invoice.lines.data] == [None, None]
    assert item_of(changed).price.unit_amount == 2000
    assert item_of(changed).current_period_end == at("2026-02-01")
    assert types(shop.events(start)) == [
        "invoiceitem.created",
        "invoiceitem.created",
        "invoice.created",
        "invoice.finalized",
        "payment_intent.created",
        "charge.succeeded",
        "payment_intent.succeeded",
        "invoice_payment.paid",
        "invoice.updated",
        "invoice.paid",
        "invoice.payment_succeeded",
        "customer.subscription.updated",
    ]


def test_a_credit_names_the_line_that_it_credits(shop, simulator, running):
    simulator.advance(to=at("2026-01-11"))
    shop.change(running, shop.price(2000), proration_behavior="always_invoice")
    simulator.advance(to=at("2026-01-21"))
    shop.change(running, shop.price(3000), proration_behavior="always_invoice")
    first, second, third = shop.invoices(running.id)
    for invoice, credited in ((second, (first, 0)), (third, (second, 1))):
        details = invoice.lines.data[0].parent.subscription_item_details
        assert details.proration
        assert details.proration_details.credited_items.to_dict() == {
            "invoice": credited[0].id,
            "invoice_line_items": [credited[0].lines.data[credited[1]].id],
        }
    assert amounts(third) == [
        -710,
        1065,
    ]  # credit of the charge: 1355 * 11/21 = 709.76; new charge: 3000 * 11/31 = 1064.52


def test_by_default_prorations_wait_for_the_next_invoice(shop, v1, simulator, running):
    """On January 16 at 12:00, exactly half of the month is over."""
    simulator.advance(to=at("2026-01-16T12:00"))
    shop.change(running, shop.price(2000))
    assert len(shop.invoices(running.id)) == 1
    assert [item.amount for item in v1.invoice_items.list({"pending": True}).data] == [1000, -500]
    upcoming = v1.invoices.create_preview({"subscription": running.id})
    simulator.advance(to=at("2026-02-01T01:00"))
    invoice = shop.invoices(running.id)[-1]
    assert amounts(invoice) == amounts(upcoming) == [-500, 1000, 2000]
    assert (invoice.total, invoice.status, invoice.billing_reason) == (
        2500,
        "paid",
        "subscription_cycle",
    )


def test_a_downgrade_becomes_credit_that_later_invoices_use(shop, v1, simulator):
    running = shop.subscribe(shop.customer(), shop.price(2000))
    simulator.advance(to=at("2026-01-16T12:00"))
    shop.change(running, shop.price(500), proration_behavior="always_invoice")
    invoice = shop.invoices(running.id)[-1]
    assert (amounts(invoice), invoice.total, invoice.amount_due, invoice.status) == (
        [-1000, 250],
        -750,
        0,
        "paid",
    )
    assert (invoice.starting_balance, invoice.ending_balance) == (0, -750)
    assert v1.customers.retrieve(running.customer).balance == -750
    simulator.advance(to=at("2026-02-01T01:00"))
    renewal = shop.invoices(running.id)[-1]
    assert (
        renewal.total,
        renewal.amount_due,
        renewal.starting_balance,
        renewal.ending_balance,
    ) == (500, 0, -750, -250)


def test_without_prorations_the_new_price_starts_next_period(shop, simulator, running):
    simulator.advance(to=at("2026-01-11"))
    shop.change(running, shop.price(2000), proration_behavior="none")
    simulator.advance(to=at("2026-02-01T01:00"))
    assert [amounts(invoice) for invoice in shop.invoices(running.id)] == [[1000], [2000]]


def test_a_change_that_was_not_prorated_credits_what_was_paid(shop, simulator, running):
    """The customer paid 1000, so 1000 is credited, even though the price is different
    on January 16.
    """
    simulator.advance(to=at("2026-01-11"))
    shop.change(running, shop.price(9000), proration_behavior="none")
    simulator.advance(to=at("2026-01-16T12:00"))
    shop.change(running, shop.price(2000), proration_behavior="always_invoice")
    assert amounts(shop.invoices(running.id)[-1]) == [-500, 1000]


def test_quantities_are_prorated(shop, v1, simulator):
    customer, price = shop.customer(), shop.price(1000)
    running = v1.subscriptions.create(
        {"customer": customer, "items": [{"price": price, "quantity": 2}]}
    )
    simulator.advance(to=at("2026-01-16T12:00"))
    v1.subscription_items.update(
        item_of(running).id, {"quantity": 5, "proration_behavior": "always_invoice"}
    )
    invoice = shop.invoices(running.id)[-1]
    assert amounts(invoice) == [-1000, 2500]
    assert [line.quantity for line in invoice.lines.data] == [2, 5]
    assert invoice.lines.data[1].description == "Remaining time on 5 \u00d7 Pro after 16 Jan 2026"


def test_items_are_added_and_taken_away(shop, v1, simulator, running):
    simulator.advance(to=at("2026-01-16T12:00"))
    added = v1.subscription_items.create({"subscription": running.id, "price": shop.price(400)})
    v1.subscription_items.delete(item_of(running).id)
    assert [item.id for item in v1.subscriptions.retrieve(running.id)["items"].data] == [added.id]
    assert sorted(item.amount for item in v1.invoice_items.list({"pending": True}).data) == [
        -500,
        200,
    ]
    with pytest.raises(stripe.InvalidRequestError):
        v1.subscription_items.delete(added.id)


def test_a_previews_proration_date_gives_the_same_amounts_later(shop, v1, simulator, running):
    moment = at("2026-01-11")
    simulator.advance(to=moment + HOUR)
    shown = preview(
        v1, running, shop.price(2000), proration_behavior="always_invoice", proration_date=moment
    )
    simulator.advance(to=moment + DAY)
    shop.change(
        running, shop.price(2000), proration_behavior="always_invoice", proration_date=moment
    )
    assert amounts(shop.invoices(running.id)[-1]) == amounts(shown) == [-677, 1355]


def test_a_preview_changes_nothing(shop, v1, simulator, running):
    simulator.advance(to=at("2026-01-11"))
    start = shop.last_event()
    preview(v1, running, shop.price(2000), proration_behavior="always_invoice")
    preview(v1, running, shop.price(9000, "year"))
    assert shop.events(start)[2:] == []  # the first two events are those of the two prices
    assert v1.subscriptions.retrieve(running.id) == running
    assert v1.invoice_items.list().data == []
    assert len(shop.invoices(running.id)) == 1


def test_from_month_to_year_a_new_cycle_begins(shop, v1, simulator, running):
    simulator.advance(to=at("2026-01-16T12:00"))
    shown = preview(v1, running, shop.price(9000, "year"))
    changed = shop.change(running, shop.price(9000, "year"))
    invoice = shop.invoices(running.id)[-1]
    assert amounts(invoice) == amounts(shown) == [-500, 9000]
    assert (invoice.status, invoice.total) == ("paid", 8500)
    assert changed.billing_cycle_anchor == at("2026-01-16T12:00")
    assert item_of(changed).current_period_end == at("2027-01-16T12:00")


def test_a_free_plan_that_becomes_a_paid_one_is_charged_at_once(shop, simulator):
    running = shop.subscribe(shop.customer(), shop.price(0))
    simulator.advance(to=at("2026-01-11"))
    changed = shop.change(running, shop.price(1000))
    assert amounts(shop.invoices(running.id)[-1]) == [1000]
    assert changed.billing_cycle_anchor == at("2026-01-11")


def test_the_anchor_can_be_set_to_now(shop, v1, simulator, running):
    simulator.advance(to=at("2026-01-16T12:00"))
    changed = v1.subscriptions.update(running.id, {"billing_cycle_anchor": {"type": "now"}})
    assert amounts(shop.invoices(running.id)[-1]) == [-500, 1000]
    assert item_of(changed).current_period_end == at("2026-02-16T12:00")


def test_a_trial_can_be_ended_moved_and_begun(shop, v1, simulator):
    running = shop.subscribe(shop.customer(), shop.price(1000), trial_period_days=10)
    later = v1.subscriptions.update(running.id, {"trial_end": at("2026-01-21")})
    assert (later.status, later.billing_cycle_anchor) == ("trialing", at("2026-01-21"))
    assert len(shop.invoices(running.id)) == 1
    simulator.advance(to=at("2026-01-06"))
    ended = v1.subscriptions.update(running.id, {"trial_end": "now"})
    assert (ended.status, ended.trial_end) == ("active", at("2026-01-06"))
    assert item_of(ended).current_period_end == at("2026-02-06")
    assert amounts(shop.invoices(running.id)[-1]) == [1000]
    again = v1.subscriptions.update(running.id, {"trial_end": at("2026-01-26")})
    assert (again.status, again.trial_start) == ("trialing", at("2026-01-06"))
    assert amounts(shop.invoices(running.id)[-1]) == [-1000, 0]


def test_a_change_during_a_trial_costs_nothing(shop, simulator):
    running = shop.subscribe(shop.customer(), shop.price(1000), trial_period_days=10)
    simulator.advance(seconds=DAY)
    changed = shop.change(running, shop.price(9000, "year"), proration_behavior="always_invoice")
    assert changed.status == "trialing"
    assert len(shop.invoices(running.id)) == 1
    simulator.advance(to=at("2026-01-11T01:00"))
    assert amounts(shop.invoices(running.id)[-1]) == [9000]


def test_when_a_change_cannot_be_paid_it_is_past_due(shop, running):
    shop.give_card(running.customer, "pm_card_chargeCustomerFail")
    changed = shop.change(running, shop.price(2000), proration_behavior="always_invoice")
    assert (changed.status, item_of(changed).price.unit_amount) == ("past_due", 2000)
    invoice = shop.invoices(running.id)[-1]
    assert (invoice.status, invoice.next_payment_attempt) == ("open", NOW + 3 * DAY)


def test_error_if_incomplete_changes_nothing(shop, v1, running):
    shop.give_card(running.customer, "pm_card_chargeCustomerFail")
    before_change = v1.subscriptions.retrieve(running.id)
    with pytest.raises(stripe.CardError):
        shop.change(
            running,
            shop.price(2000),
            proration_behavior="always_invoice",
            payment_behavior="error_if_incomplete",
        )
    assert v1.subscriptions.retrieve(running.id) == before_change
    assert len(shop.invoices(running.id)) == 1


def test_an_incomplete_subscription_cannot_be_changed(shop):
    subscription = shop.subscribe(shop.customer("pm_card_chargeCustomerFail"), shop.price(1000))
    with pytest.raises(stripe.InvalidRequestError, match="incomplete"):
        shop.change(subscription, shop.price(2000))


@pytest.mark.parametrize("moment", ["2025-12-31", "2026-02-02"])
def test_a_proration_date_lies_in_the_period(shop, running, moment):
    with pytest.raises(stripe.InvalidRequestError) as refused:
        shop.change(running, shop.price(2000), proration_date=at(moment))
    assert refused.value.param == "proration_date"


def test_plain_fields_are_stored_and_told(shop, v1, running):
    start = shop.last_event()
    v1.subscriptions.update(running.id, {"metadata": {"plan": "pro", "old": "x"}})
    changed = v1.subscriptions.update(
        running.id, {"metadata": {"old": ""}, "description": "Pro plan"}
    )
    assert (changed.metadata.to_dict(), changed.description) == ({"plan": "pro"}, "Pro plan")
    events = shop.events(start)
    assert types(events) == ["customer.subscription.updated"] * 2
    assert before(events[1]) == {"description": None, "metadata": {"old": "x"}}
