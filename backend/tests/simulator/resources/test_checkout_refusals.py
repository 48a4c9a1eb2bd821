"""Checkout sessions that Stripe refuses, or for which the simulator has no page."""

import pytest
import stripe

from tests.simulator.conftest import NOW
from tests.simulator.shop import DAY


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"line_items": []}, "line_items"),
        ({"mode": "payment"}, "mode"),
        ({"success_url": ""}, "success_url"),
        ({"success_url": "/done"}, "success_url"),
        ({"cancel_url": "https://"}, "cancel_url"),
        ({"expires_at": NOW + 60}, "expires_at"),
        ({"customer": "cus_nope"}, "customer"),
        ({"payment_intent_data": {"description": "x"}}, "payment_intent_data"),
        ({"customer_update": {"name": "auto"}}, "customer_update"),  # there is no customer
    ],
)
def test_what_stripe_refuses(open_session, fields, param):
    with pytest.raises(stripe.InvalidRequestError) as refused:
        open_session(**fields)
    assert refused.value.param == param


def sticker(amount, currency="usd", **interval):
    recurring = {"recurring": interval} if interval else {}
    return {
        "currency": currency,
        "unit_amount": amount,
        "product_data": {"name": "A sticker"},
        **recurring,
    }


@pytest.mark.parametrize(
    ("mode", "items", "param"),
    [
        ("payment", [{"price_data": sticker(900), "quantity": 0}], "line_items[0][quantity]"),
        ("payment", [{"price_data": sticker(900), "quantity": -1}], "line_items[0][quantity]"),
        (
            "payment",
            [
                {"price_data": sticker(900), "quantity": 1},
                {"price_data": sticker(900, "eur"), "quantity": 1},
            ],
            "line_items",
        ),
        (
            "subscription",
            [
                {"price_data": sticker(900, interval="month"), "quantity": 1},
                {"price_data": sticker(900, interval="year"), "quantity": 1},
            ],
            "line_items",
        ),
        ("payment", [{"price_data": sticker(1050, "isk"), "quantity": 100}], None),
        ("payment", [{"price_data": sticker(1050, "isk"), "quantity": 51}], "line_items"),
        ("payment", [{"price_data": sticker(1005, "kwd"), "quantity": 1}], "line_items"),
        ("payment", [{"price_data": sticker(100_000_000), "quantity": 1}], "line_items"),
    ],
)
def test_what_no_card_could_be_charged_is_not_sold(open_session, mode, items, param):
    if param is None:
        assert open_session(mode=mode, line_items=items).amount_total == 105_000
        return
    with pytest.raises(stripe.InvalidRequestError) as refused:
        open_session(mode=mode, line_items=items)
    assert refused.value.param == param


@pytest.mark.parametrize(
    "fields",
    [
        {"ui_mode": "embedded_page"},
        {"automatic_tax": {"enabled": True}},
        {"phone_number_collection": {"enabled": True}},
        {"billing_address_collection": "required"},
        {"subscription_data": {"billing_cycle_anchor": NOW + 20 * DAY}},
        {
            "custom_fields": [
                {"key": "a", "label": {"custom": "A", "type": "custom"}, "type": "text"}
            ]
        },
    ],
)
def test_what_the_page_does_not_have_is_said_aloud(open_session, fields):
    with pytest.raises(stripe.InvalidRequestError) as refused:
        open_session(**fields)
    assert refused.value.code == "simulator_unsupported"
