"""Create a shop in which everything happens once."""

from contextlib import suppress

import stripe

from tests.simulator.conftest import NOW
from tests.simulator.shop import DAY, item_of

VISA, SECURE = "4242424242424242", "4000002500003155"
BACK = "https://app.example/done"


def everything_happens(simulator, shop, v1, press):
    """Create an object of each kind, and bring each object into all its states."""
    coupon = catalogue(shop, v1)
    subscriptions(shop, v1, coupon)
    schedules(shop, v1)
    failures(shop, v1)
    invoices(shop, v1, shop.customer())
    sessions(shop, v1, press)
    money(simulator, shop, v1)
    others(shop, v1)


def catalogue(shop, v1):
    product = v1.products.create(
        {
            "name": "Hours",
            "unit_label": "hour",
            "marketing_features": [{"name": "Fast"}],
            "default_price_data": {"currency": "usd", "unit_amount": 500},
        }
    )
    v1.products.update(product.id, {"description": "By the hour", "metadata": {"a": "b"}})
    v1.products.delete(v1.products.create({"name": "Nothing"}).id)
    v1.prices.update(shop.price(1000), {"nickname": "Monthly", "lookup_key": "monthly"})
    v1.coupons.delete(
        v1.coupons.create({"amount_off": 100, "currency": "usd", "duration": "once"}).id
    )
    coupon = v1.coupons.create(
        {
            "percent_off": 10,
            "duration": "repeating",
            "duration_in_months": 3,
            "applies_to": {"products": [shop.product]},
        }
    )
    restricted = {
        "first_time_transaction": True,
        "minimum_amount": 100,
        "minimum_amount_currency": "usd",
    }
    v1.promotion_codes.create(
        {"promotion": {"type": "coupon", "coupon": coupon.id}, "restrictions": restricted}
    )
    return coupon.id


def subscriptions(shop, v1, coupon):
    clock = v1.test_helpers.test_clocks.create({"frozen_time": NOW})
    ada = shop.customer(test_clock=clock.id, name="Ada", address={"country": "US"})
    trial = shop.subscribe(
        ada, shop.price(1000), trial_period_days=14, discounts=[{"coupon": coupon}]
    )
    v1.subscriptions.update(trial.id, {"cancel_at_period_end": True})
    v1.subscriptions.update(trial.id, {"cancel_at_period_end": False, "trial_end": "now"})
    v1.invoices.create_preview({"subscription": trial.id})
    shop.change(trial, shop.price(3000))
    v1.subscriptions.update(trial.id, {"pause_collection": {"behavior": "void"}})
    v1.subscriptions.update(trial.id, {"pause_collection": ""})
    v1.test_helpers.test_clocks.advance(clock.id, {"frozen_time": NOW + 70 * DAY})
    v1.subscriptions.cancel(
        trial.id, {"cancellation_details": {"comment": "Too dear", "feedback": "too_expensive"}}
    )


def schedules(shop, v1):
    """Create a schedule whose second phase waits, a released schedule and a canceled
    schedule.
    """
    for end in (None, "release", "cancel"):
        running = shop.subscribe(shop.customer(), shop.price(3000))
        made = v1.subscription_schedules.create({"from_subscription": running.id})
        first = made.phases[0]
        v1.subscription_schedules.update(
            made.id,
            {
                "phases": [
                    {
                        "items": [{"price": str(first["items"][0].price), "quantity": 1}],
                        "start_date": first.start_date,
                        "end_date": first.end_date,
                    },
                    {
                        "items": [{"price": shop.price(1000), "quantity": 1}],
                        "duration": {"interval": "month"},
                    },
                ]
            },
        )
        if end:
            getattr(v1.subscription_schedules, end)(made.id)


def failures(shop, v1):
    """Create payments with cards that fail or need 3-D Secure, a trial without a card,
    and a pending update.
    """
    with suppress(stripe.CardError):
        shop.subscribe(shop.customer("pm_card_chargeCustomerFail"), shop.price(1000))
    shop.subscribe(
        shop.customer("pm_card_threeDSecure2Required"),
        shop.price(1000),
        payment_behavior="default_incomplete",
    )
    shop.subscribe(shop.customer(None), shop.price(1000), trial_period_days=3)
    running = shop.subscribe(shop.customer(), shop.price(1000))
    shop.give_card(str(running.customer), "pm_card_chargeCustomerFail")
    shop.change(
        running,
        shop.price(3000),
        payment_behavior="pending_if_incomplete",
        proration_behavior="always_invoice",
    )


def invoices(shop, v1, customer):
    for end in ("void_invoice", "mark_uncollectible", "pay"):
        v1.invoice_items.create(
            {"customer": customer, "amount": 500, "currency": "usd", "description": "Work"}
        )
        made = v1.invoices.create(
            {"customer": customer, "pending_invoice_items_behavior": "include"}
        )
        v1.invoices.finalize_invoice(made.id, {"auto_advance": False})
        getattr(v1.invoices, end)(made.id)
    v1.invoices.delete(v1.invoices.create({"customer": customer}).id)
    item = v1.invoice_items.create({"customer": customer, "amount": 100, "currency": "usd"})
    v1.invoice_items.delete(item.id)


def sessions(shop, v1, press):
    monthly = [{"price": shop.price(1000), "quantity": 1}]
    hour = [
        {
            "price_data": {"currency": "usd", "unit_amount": 500, "product": shop.product},
            "quantity": 2,
        }
    ]
    for wanted in (
        {"mode": "subscription", "line_items": monthly},
        {
            "mode": "subscription",
            "line_items": monthly,
            "subscription_data": {"trial_period_days": 7},
        },
        {"mode": "payment", "line_items": hour, "customer_creation": "always"},
        {"mode": "payment", "line_items": hour, "allow_promotion_codes": True},
        {"mode": "setup", "currency": "usd"},
        {"mode": "setup", "currency": "usd", "customer": shop.customer(None)},
    ):
        for number in (VISA, SECURE):
            press(v1.checkout.sessions.create({"success_url": BACK, **wanted}), number)
    left = v1.checkout.sessions.create({"mode": "setup", "currency": "usd", "success_url": BACK})
    v1.checkout.sessions.expire(left.id)


def money(simulator, shop, v1):
    customer = shop.customer()
    card = v1.payment_methods.list({"customer": customer}).data[0]
    paid = [
        v1.payment_intents.create(
            {
                "amount": 900,
                "currency": "usd",
                "customer": customer,
                "payment_method": card.id,
                "confirm": True,
            }
        )
        for _ in range(2)
    ]
    v1.payment_intents.cancel(v1.payment_intents.create({"amount": 900, "currency": "usd"}).id)
    v1.refunds.create(
        {"payment_intent": paid[0].id, "amount": 100, "reason": "requested_by_customer"}
    )
    for won in (True, False):
        dispute = simulator.control("disputes", charge=paid[won].latest_charge)
        simulator.control(f"disputes/{dispute['id']}/close", won=won)
    v1.setup_intents.cancel(
        v1.setup_intents.create({"customer": customer, "usage": "off_session"}).id
    )
    v1.setup_intents.create(
        {"customer": customer, "payment_method": card.id, "confirm": True, "usage": "off_session"}
    )
    v1.payment_methods.detach(card.id)
    v1.customers.delete(customer)


def others(shop, v1):
    subscriber = shop.subscribe(shop.customer(), shop.price(1000))
    configuration = v1.billing_portal.configurations.create(
        {"features": {"subscription_cancel": {"enabled": True, "mode": "at_period_end"}}}
    )
    v1.billing_portal.sessions.create(
        {
            "customer": str(subscriber.customer),
            "configuration": configuration.id,
            "return_url": BACK,
        }
    )
    v1.subscription_items.update(item_of(subscriber).id, {"quantity": 3})
    endpoint = v1.webhook_endpoints.create({"url": "http://127.0.0.1:9/", "enabled_events": ["*"]})
    v1.webhook_endpoints.update(endpoint.id, {"disabled": True})
    v1.customers.search({"query": "email:'ada@example.com'"})
    v1.test_helpers.test_clocks.delete(v1.test_helpers.test_clocks.create({"frozen_time": NOW}).id)
