import pytest
import stripe

from tests.simulator.shop import at


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"items": []}, "items"),
        ({"items": [{"price": "price_nope"}]}, "items[0][price]"),
        ({"items": [{"quantity": 2}]}, "items[0][price]"),
        ({"trial_end": 1}, "trial_end"),
        ({"billing_cycle_anchor": 1}, "billing_cycle_anchor"),
        ({"billing_cycle_anchor": at("2026-02-01") + 1}, "billing_cycle_anchor"),
        ({"default_payment_method": "pm_nope"}, "default_payment_method"),
        ({"discounts": [{"coupon": "nope"}]}, "discounts[0][coupon]"),
        ({"payment_behavior": "pending_if_incomplete"}, "payment_behavior"),
    ],
)
def test_what_stripe_refuses(shop, v1, fields, param):
    order = {"customer": shop.customer(), "items": [{"price": shop.price(1000)}], **fields}
    with pytest.raises(stripe.InvalidRequestError) as refused:
        v1.subscriptions.create(order)
    assert refused.value.param == param


@pytest.mark.parametrize(
    "fields",
    [
        {"collection_method": "send_invoice", "days_until_due": 30},
        {"billing_mode": {"type": "classic"}},
        {"billing_cycle_anchor": at("2026-01-20"), "trial_period_days": 7},
        {"automatic_tax": {"enabled": True}},
        {"add_invoice_items": [{"quantity": 1}]},
        {"application_fee_percent": 5.0},
    ],
)
def test_what_the_simulator_does_not_have_is_said_aloud(shop, v1, fields):
    with pytest.raises(stripe.InvalidRequestError) as refused:
        shop.subscribe(shop.customer(), shop.price(1000), **fields)
    assert refused.value.code == "simulator_unsupported"


def test_two_intervals_or_twice_the_same_price_are_refused(shop, v1):
    month, year, customer = shop.price(1000), shop.price(9000, "year"), shop.customer()
    for pair in ([month, year], [month, month]):
        with pytest.raises(stripe.InvalidRequestError):
            v1.subscriptions.create(
                {"customer": customer, "items": [{"price": price} for price in pair]}
            )


def test_a_customer_has_one_currency(shop, v1):
    customer = shop.customer()
    shop.subscribe(customer, shop.price(1000))
    euro = v1.prices.create(
        {
            "product": shop.product,
            "unit_amount": 900,
            "currency": "eur",
            "recurring": {"interval": "month"},
        }
    )
    with pytest.raises(stripe.InvalidRequestError, match="combine currencies"):
        shop.subscribe(customer, euro.id)
