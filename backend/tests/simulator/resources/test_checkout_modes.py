"""Checkout of a subscription, of a single payment, and of a card for later."""

from typing import Any

import pytest
import stripe

from simulator.protocol.errors import StripeError
from tests.simulator.resources.cards import DECLINED, VISA


def once(v1, shop):
    shop.price(1000)
    return v1.prices.create({"product": shop.product, "unit_amount": 1000, "currency": "usd"}).id


@pytest.mark.parametrize("known", ["customer", "customer_email", None])
@pytest.mark.parametrize("mode", ["subscription", "payment", "setup"])
def test_an_unpaid_session_by_its_mode(shop, open_session, v1, mode, known):
    """The expected values were recorded from Stripe, API version 2026-09-30."""
    by_mode: dict[str, dict[str, Any]] = {
        "subscription": {},
        "payment": {"line_items": [{"price": once(v1, shop), "quantity": 1}]},
        "setup": {"line_items": None, "currency": "usd"},
    }
    asked = by_mode[mode]
    if known:
        asked[known] = {"customer": shop.customer(), "customer_email": "ada@example.com"}[known]
    session = open_session(mode=mode, **asked)
    sells = mode != "setup"
    assert session.payment_status == ("unpaid" if sells else "no_payment_required")
    assert (session.amount_total, session.discounts) == ((1000, []) if sells else (None, None))
    assert session.payment_method_collection == ("if_required" if mode == "payment" else "always")
    assert (session.invoice_creation and session.invoice_creation.enabled) == (
        False if mode == "payment" else None
    )
    assert (session.payment_intent, session.subscription, session.invoice) == (None, None, None)
    assert (session.setup_intent is not None) == (mode == "setup")
    assert session.collected_information.to_dict() == dict.fromkeys(
        ("business_name", "individual_name", "shipping_details")
    )
    if known:
        details = session.customer_details
        assert (details.email, details.name, details.tax_ids) == ("ada@example.com", None, None)
        assert details.tax_exempt == ("none" if sells else None)
    else:
        assert session.customer_details is None


def test_a_setup_session_has_its_intent_from_the_beginning(shop, open_session, press, v1):
    wanted = {
        "mode": "setup",
        "line_items": None,
        "currency": "usd",
        "setup_intent_data": {"metadata": {"user": "7"}},
    }
    session = open_session(**wanted)
    intent = v1.setup_intents.retrieve(session.setup_intent)
    assert (intent.status, intent.customer, intent.metadata["user"]) == (
        "requires_payment_method",
        None,
        "7",
    )
    with pytest.raises(StripeError):
        press(session, DECLINED)
    press(session, VISA)
    done = v1.checkout.sessions.retrieve(session.id, {"expand": ["setup_intent"]})
    assert (done.setup_intent.id, done.setup_intent.status) == (intent.id, "succeeded")
    assert done.setup_intent.customer == done.customer
    assert len(v1.setup_intents.list().data) == 1
    left = open_session(**wanted)
    v1.checkout.sessions.expire(left.id)
    assert v1.setup_intents.retrieve(left.setup_intent).status == "canceled"


def test_a_single_payment(shop, press, v1):
    mug = v1.prices.create({"product_data": {"name": "Mug"}, "unit_amount": 900, "currency": "usd"})
    session = v1.checkout.sessions.create(
        {
            "mode": "payment",
            "line_items": [{"price": mug.id, "quantity": 2}],
            "success_url": "https://app.example/",
            "payment_intent_data": {"metadata": {"order": "7"}},
        }
    )
    press(session)
    done = v1.checkout.sessions.retrieve(session.id, {"expand": ["payment_intent"]})
    assert (done.payment_intent.amount, done.payment_intent.metadata["order"]) == (1800, "7")
    assert (done.status, done.payment_status, done.customer) == ("complete", "paid", None)
    assert done.customer_details.email == "ada@example.com"


def test_what_is_too_small_is_not_sold(open_session):
    data = {"currency": "usd", "unit_amount": 49, "product_data": {"name": "A sticker"}}
    with pytest.raises(stripe.InvalidRequestError) as refused:
        open_session(mode="payment", line_items=[{"price_data": data, "quantity": 1}])
    assert refused.value.code == "amount_too_small"
    assert (
        open_session(mode="payment", line_items=[{"price_data": data, "quantity": 2}]).amount_total
        == 98
    )


def test_a_card_for_later(shop, press, v1):
    customer = shop.customer(card=None)
    session = v1.checkout.sessions.create(
        {
            "mode": "setup",
            "customer": customer,
            "success_url": "https://app.example/",
            "currency": "usd",
        }
    )
    press(session)
    done = v1.checkout.sessions.retrieve(session.id, {"expand": ["setup_intent"]})
    assert (done.status, done.setup_intent.status) == ("complete", "succeeded")
    assert (
        v1.customers.payment_methods.list(customer).data[0].id == done.setup_intent.payment_method
    )
