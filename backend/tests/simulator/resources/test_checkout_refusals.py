"""Checkout sessions that Stripe refuses, and those that the simulator has no page for."""

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
        ({"customer_update": {"name": "auto"}}, "customer_update"),  # of whom?
    ],
)
def test_what_stripe_refuses(open_session, fields, param):
    with pytest.raises(stripe.InvalidRequestError) as refused:
        open_session(**fields)
    assert refused.value.param == param


@pytest.mark.parametrize(
    "fields",
    [
        {"ui_mode": "embedded_page"},
        {"automatic_tax": {"enabled": True}},
        {"phone_number_collection": {"enabled": True}},
        {"billing_address_collection": "required"},
        {"subscription_data": {"billing_cycle_anchor": NOW + 20 * DAY}},
        {"custom_fields": [{"key": "a", "label": {"custom": "A", "type": "custom"}, "type": "text"}]},
    ],
)
def test_what_the_page_does_not_have_is_said_aloud(open_session, fields):
    with pytest.raises(stripe.InvalidRequestError) as refused:
        open_session(**fields)
    assert refused.value.code == "simulator_unsupported"
