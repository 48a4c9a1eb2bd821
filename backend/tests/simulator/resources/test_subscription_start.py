from decimal import Decimal

import pytest
import stripe

from tests.simulator.conftest import NOW
from tests.simulator.shop import DAY, amounts, at, before, item_of, types


def test_a_card_that_pays_makes_it_active(shop):
    subscription = shop.subscribe(shop.customer(), shop.price(1000))
    assert subscription.status == "active"
    item = item_of(subscription)
    assert (item.current_period_start, item.current_period_end) == (NOW, at("2026-02-01"))
    (invoice,) = shop.invoices(subscription.id)
    assert (invoice.status, invoice.amount_paid, invoice.billing_reason) == (
        "paid",
        1000,
        "subscription_create",
    )
    assert invoice.number.endswith("-0001")
    assert subscription.latest_invoice == invoice.id


def test_the_events_of_a_start_come_as_stripe_sends_them(shop):
    """Stripe was observed to announce a subscription only after the result of its first
    payment is known.
    """
    customer, price = shop.customer(), shop.price(1000)
    start = shop.last_event()
    subscription = shop.subscribe(customer, price)
    events = shop.events(start)
    assert types(events) == [
        "customer.updated",
        "invoice.created",
        "invoice.finalized",
        "payment_intent.created",
        "charge.succeeded",
        "payment_intent.succeeded",
        "invoice_payment.paid",
        "invoice.updated",
        "invoice.paid",
        "invoice.payment_succeeded",
        "customer.subscription.created",
    ]
    assert before(events[0]) == {"currency": None}
    assert before(events[7])["status"] == "open"
    assert events[-1].data.object == subscription


def test_the_payment_can_be_followed_from_the_invoice(shop, v1):
    subscription = shop.subscribe(
        shop.customer(), shop.price(1000), expand=["latest_invoice.payments"]
    )
    (payment,) = subscription.latest_invoice.payments.data
    assert (payment.status, payment.amount_paid, payment.is_default) == ("paid", 1000, True)
    intent = v1.payment_intents.retrieve(
        payment.payment.payment_intent, {"expand": ["latest_charge"]}
    )
    assert (intent.status, intent.amount_received) == ("succeeded", 1000)
    assert intent.latest_charge.paid
    assert v1.invoice_payments.list(
        {"payment": {"type": "payment_intent", "payment_intent": intent.id}}
    ).data == [payment]


def test_without_a_card_nothing_begins(shop, v1):
    customer, price = shop.customer(card=None), shop.price(1000)
    with pytest.raises(stripe.InvalidRequestError, match="no attached payment source") as refused:
        shop.subscribe(customer, price)
    assert refused.value.code == "resource_missing"
    assert v1.subscriptions.list({"status": "all"}).data == []
    assert v1.invoices.list().data == []


def test_a_declined_card_leaves_it_incomplete(shop, v1):
    customer = shop.customer("pm_card_chargeCustomerFail")
    price, start = shop.price(1000), shop.last_event()
    subscription = shop.subscribe(customer, price, expand=["latest_invoice.payments"])
    assert subscription.status == "incomplete"
    invoice = subscription.latest_invoice
    assert (invoice.status, invoice.attempt_count, invoice.next_payment_attempt) == (
        "open",
        1,
        None,
    )
    intent = v1.payment_intents.retrieve(invoice.payments.data[0].payment.payment_intent)
    assert (intent.status, intent.last_payment_error.decline_code) == (
        "requires_payment_method",
        "generic_decline",
    )
    assert {"charge.failed", "payment_intent.payment_failed", "invoice.payment_failed"} <= set(
        types(shop.events(start))
    )


def test_error_if_incomplete_leaves_nothing(shop, v1):
    customer, price = shop.customer("pm_card_chargeCustomerFail"), shop.price(1000)
    with pytest.raises(stripe.CardError) as refused:
        shop.subscribe(customer, price, payment_behavior="error_if_incomplete")
    assert (refused.value.code, refused.value.http_status) == ("card_declined", 402)
    assert v1.subscriptions.list({"status": "all"}).data == []
    assert v1.charges.list().data == []


def test_default_incomplete_waits_for_the_customer(shop, v1):
    customer = shop.customer(card=None)
    subscription = shop.subscribe(
        customer,
        shop.price(1000),
        payment_behavior="default_incomplete",
        payment_settings={"save_default_payment_method": "on_subscription"},
        expand=["latest_invoice.confirmation_secret"],
    )
    assert subscription.status == "incomplete"
    secret = subscription.latest_invoice.confirmation_secret.client_secret
    method, start = (
        v1.payment_methods.attach("pm_card_visa", {"customer": customer}),
        shop.last_event(),
    )
    v1.payment_intents.confirm(secret.split("_secret_")[0], {"payment_method": method.id})
    paid = v1.subscriptions.retrieve(subscription.id)
    assert (paid.status, paid.default_payment_method) == ("active", method.id)
    events = shop.events(start)
    assert types(events) == [
        "charge.succeeded",
        "payment_intent.succeeded",
        "invoice_payment.paid",
        "invoice.updated",
        "customer.subscription.updated",
        "invoice.paid",
        "invoice.payment_succeeded",
    ]
    assert before(events[4]) == {"status": "incomplete", "default_payment_method": None}


def test_a_card_that_wants_3d_secure_asks_the_customer(shop, v1):
    customer, price = shop.customer("pm_card_authenticationRequired"), shop.price(1000)
    start = shop.last_event()
    subscription = shop.subscribe(customer, price, expand=["latest_invoice.confirmation_secret"])
    assert subscription.status == "incomplete"
    assert types(shop.events(start))[-4:] == [
        "payment_intent.requires_action",
        "invoice.updated",
        "invoice.payment_action_required",
        "customer.subscription.created",
    ]
    secret = subscription.latest_invoice.confirmation_secret.client_secret
    intent = v1.payment_intents.retrieve(secret.split("_secret_")[0])
    assert intent.next_action.redirect_to_url.url.endswith(f"/c/authenticate/{secret}")


def test_a_trial_costs_nothing_yet(shop):
    subscription = shop.subscribe(shop.customer(card=None), shop.price(1000), trial_period_days=14)
    assert (subscription.status, subscription.trial_end) == ("trialing", NOW + 14 * DAY)
    assert subscription.billing_cycle_anchor == subscription.trial_end
    assert item_of(subscription).current_period_end == subscription.trial_end
    (invoice,) = shop.invoices(subscription.id)
    assert (invoice.status, invoice.total, amounts(invoice)) == ("paid", 0, [0])
    (line,) = invoice.lines.data
    assert (line.description, line.pricing.unit_amount_decimal) == (
        "Free trial for 1 \u00d7 Pro",
        Decimal(0),
    )
    assert invoice.account_name == "Test business (simulator)"


def test_a_unit_label_is_written_behind_the_quantity(shop, v1):
    price = shop.price(1000)
    v1.products.update(shop.product, {"unit_label": "seat"})
    trial = shop.subscribe(shop.customer(), price, trial_period_days=14)
    paid = v1.subscriptions.create(
        {"customer": shop.customer(), "items": [{"price": price, "quantity": 3}]}
    )
    assert [shop.invoices(one.id)[0].lines.data[0].description for one in (trial, paid)] == [
        "Free trial for 1 seat \u00d7 Pro",
        "3 seat \u00d7 Pro (at $10.00 / month)",
    ]


def test_an_anchor_ahead_makes_a_short_first_period(shop):
    """From January 1 to 11, there are 10 of the 31 days of the month that ends on the
    11th. So the amount is 1000 * 10/31 = 322.58.
    """
    subscription = shop.subscribe(
        shop.customer(), shop.price(1000), billing_cycle_anchor=at("2026-01-11")
    )
    assert item_of(subscription).current_period_end == at("2026-01-11")
    assert amounts(shop.invoices(subscription.id)[0]) == [323]
    free = shop.subscribe(
        shop.customer(),
        shop.price(1000),
        billing_cycle_anchor=at("2026-01-11"),
        proration_behavior="none",
    )
    assert amounts(shop.invoices(free.id)[0]) == [0]


def test_quantities_and_several_items(shop, v1):
    seats, extra = shop.price(500), shop.price(250)
    subscription = v1.subscriptions.create(
        {
            "customer": shop.customer(),
            "items": [{"price": seats, "quantity": 3}, {"price": extra, "metadata": {"a": "b"}}],
        }
    )
    (invoice,) = shop.invoices(subscription.id)
    assert (amounts(invoice), invoice.total) == ([1500, 250], 1750)
    assert invoice.lines.data[0].description == "3 \u00d7 Pro (at $5.00 / month)"
    items = v1.subscription_items.list({"subscription": subscription.id}).data
    assert [item.quantity for item in items] == [3, 1]
    assert items[1].metadata["a"] == "b"
    assert v1.subscription_items.retrieve(items[0].id) == items[0]


def test_price_data_makes_a_price(shop, v1):
    shop.price(1)
    item = {
        "price_data": {
            "currency": "usd",
            "product": shop.product,
            "recurring": {"interval": "week"},
            "unit_amount": 700,
        }
    }
    subscription = v1.subscriptions.create({"customer": shop.customer(), "items": [item]})
    assert item_of(subscription).current_period_end == NOW + 7 * DAY
    assert v1.prices.retrieve(item_of(subscription).price.id).unit_amount == 700


def test_lists_leave_out_what_has_ended(shop, v1):
    customer, price = shop.customer(), shop.price(1000)
    ended, running = shop.subscribe(customer, price), shop.subscribe(customer, price)
    v1.subscriptions.cancel(ended.id)
    found = {
        status: [
            one.id
            for one in v1.subscriptions.list(
                {"customer": customer, **({"status": status} if status else {})}
            ).data
        ]
        for status in (None, "all", "ended", "canceled", "active", "trialing")
    }
    assert found == {
        None: [running.id],
        "all": [running.id, ended.id],
        "ended": [ended.id],
        "canceled": [ended.id],
        "active": [running.id],
        "trialing": [],
    }
    assert v1.subscriptions.list({"price": "price_other"}).data == []
    assert len(v1.subscriptions.list({"current_period_end": {"gt": NOW}}).data) == 1


@pytest.mark.parametrize("end", [{"cancel_at_period_end": True}, {"cancel_at": "min_period_end"}])
def test_the_answer_of_a_create_shows_the_end_asked_for(shop, end):
    subscription = shop.subscribe(shop.customer(), shop.price(1000), **end)
    assert subscription.cancel_at == subscription["items"].data[0].current_period_end
    assert subscription == shop.v1.subscriptions.retrieve(subscription.id)
