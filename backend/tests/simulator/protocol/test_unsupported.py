"""A call that uses a missing feature is refused with `simulator_unsupported`.

The response is the same even if something else is wrong with the call.
"""

import pytest
import stripe

CHECKOUT = {
    "mode": "subscription",
    "customer": "cus_nobody",
    "success_url": "nowhere",
    "line_items": [{"price": "x"}],
}
CALLS = [
    ("checkout/sessions", CHECKOUT | {"ui_mode": "elements"}, "ui_mode"),
    ("checkout/sessions", CHECKOUT | {"automatic_tax": {"enabled": True}}, "automatic_tax"),
    (
        "checkout/sessions",
        CHECKOUT | {"billing_address_collection": "required"},
        "billing_address_collection",
    ),
    (
        "checkout/sessions",
        CHECKOUT | {"line_items": [{"price": "x", "adjustable_quantity": {"enabled": True}}]},
        "line_items[0][adjustable_quantity]",
    ),
    (
        "subscriptions",
        {"customer": "cus_nobody", "collection_method": "send_invoice"},
        "collection_method",
    ),
    ("subscriptions/sub_nobody", {"collection_method": "send_invoice"}, "collection_method"),
    (
        "subscriptions/sub_nobody/pause",
        {"type": "subscription", "invoicing_behavior": "invoice"},
        "invoicing_behavior",
    ),
    (
        "invoices",
        {"customer": "cus_nobody", "collection_method": "send_invoice"},
        "collection_method",
    ),
    ("invoices/in_nobody/pay", {"forgive": True}, "forgive"),
    (
        "invoices/create_preview",
        {"customer": "cus_nobody", "preview_mode": "recurring"},
        "preview_mode",
    ),
    (
        "payment_intents",
        {"amount": 0, "currency": "usd", "customer": "cus_nobody", "capture_method": "manual"},
        "capture_method",
    ),
    (
        "payment_intents",
        {"amount": 0, "currency": "usd", "confirmation_method": "manual"},
        "confirmation_method",
    ),
    (
        "payment_intents/pi_nobody/confirm",
        {"error_on_requires_action": True},
        "error_on_requires_action",
    ),
    (
        "prices",
        {"currency": "usd", "product": "prod_nobody", "billing_scheme": "tiered"},
        "billing_scheme",
    ),
    (
        "prices",
        {
            "currency": "usd",
            "product": "prod_nobody",
            "recurring": {"interval": "month", "usage_type": "metered"},
        },
        "recurring[usage_type]",
    ),
    (
        "prices",
        {"currency": "usd", "product": "prod_nobody", "tiers_mode": "graduated"},
        "tiers_mode",
    ),
    ("invoices", {"customer": "cus_nobody", "on_behalf_of": "acct_1"}, "on_behalf_of"),
    ("subscriptions", {"transfer_data": {"destination": "acct_1"}}, "transfer_data"),
    ("subscriptions", {"off_session": "maybe", "backdate_start_date": 1}, "backdate_start_date"),
    ("payment_intents/pi_nobody", {"transfer_group": "one"}, "transfer_group"),
    ("invoices", {"customer": "cus_nobody", "days_until_due": 30}, "days_until_due"),
]


@pytest.mark.parametrize(
    ("path", "sent", "param"), CALLS, ids=[f"{path} {param}" for path, _, param in CALLS]
)
def test_an_unsupported_word_is_refused_before_anything_else(simulator, path, sent, param):
    with pytest.raises(stripe.InvalidRequestError) as refused:
        simulator.client().raw_request("post", f"/v1/{path}", **sent)
    assert (refused.value.code, refused.value.param) == ("simulator_unsupported", param)
