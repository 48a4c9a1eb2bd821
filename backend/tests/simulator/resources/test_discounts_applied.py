import pytest
import stripe

from tests.simulator.shop import DAY, amounts, at, types


def coupon(v1, **fields):
    return v1.coupons.create({"percent_off": 25.0, "duration": "forever", **fields}).id


def totals(shop, subscription):
    return [(invoice.subtotal, invoice.total) for invoice in shop.invoices(subscription.id)]


@pytest.mark.parametrize(
    ("fields", "paid"),
    [
        ({"duration": "once"}, [750, 1000, 1000]),
        ({"duration": "repeating", "duration_in_months": 2}, [750, 750, 1000]),
        ({"duration": "forever"}, [750, 750, 750]),
    ],
)
def test_how_long_a_coupon_lasts(shop, v1, simulator, fields, paid):
    subscription = shop.subscribe(
        shop.customer(), shop.price(1000), discounts=[{"coupon": coupon(v1, **fields)}]
    )
    simulator.advance(to=at("2026-03-01T01:00"))
    assert [total for _, total in totals(shop, subscription)] == paid


def test_a_line_says_what_was_taken_off(shop, v1):
    subscription = shop.subscribe(
        shop.customer(),
        shop.price(1000),
        discounts=[{"coupon": coupon(v1)}],
        expand=["discounts.source.coupon"],
    )
    (discount,) = subscription.discounts
    assert discount.source.coupon.percent_off == 25
    (invoice,) = shop.invoices(subscription.id)
    assert (invoice.subtotal, invoice.total, invoice.amount_paid) == (1000, 750, 750)
    (taken,) = invoice.lines.data[0].discount_amounts
    assert (taken.amount, taken.discount) == (250, discount.id)
    (sum_taken,) = invoice.total_discount_amounts
    assert (sum_taken.amount, sum_taken.discount) == (250, discount.id)
    assert invoice.discounts == [discount.id]


def test_an_amount_off_is_in_one_currency(shop, v1):
    off = v1.coupons.create({"amount_off": 300, "currency": "eur", "duration": "once"}).id
    running = shop.subscribe(shop.customer(), shop.price(1000))
    session = {
        "mode": "subscription",
        "success_url": "https://app.example/",
        "line_items": [{"price": shop.price(1000), "quantity": 1}],
    }
    discounts = [{"coupon": off}]
    for refused in (
        lambda: shop.subscribe(shop.customer(), shop.price(1000), discounts=discounts),
        lambda: v1.subscriptions.update(running.id, {"discounts": discounts}),
        lambda: v1.checkout.sessions.create({**session, "discounts": discounts}),
    ):
        with pytest.raises(stripe.InvalidRequestError, match="cannot be used with usd"):
            refused()
    assert v1.coupons.retrieve(off).times_redeemed == 0


def test_an_amount_off_never_makes_it_negative(shop, v1):
    off = v1.coupons.create({"amount_off": 1500, "currency": "usd", "duration": "once"}).id
    subscription = shop.subscribe(
        shop.customer(card=None), shop.price(1000), discounts=[{"coupon": off}]
    )
    assert (subscription.status, totals(shop, subscription)) == ("active", [(1000, 0)])


def test_a_coupon_for_once_waits_for_the_end_of_a_trial(shop, v1, simulator):
    once = coupon(v1, duration="once")
    subscription = shop.subscribe(
        shop.customer(), shop.price(1000), trial_period_days=7, discounts=[{"coupon": once}]
    )
    simulator.advance(seconds=38 * DAY + 7200)
    assert totals(shop, subscription) == [(0, 0), (1000, 750), (1000, 1000)]


def test_prorations_are_of_what_was_really_paid(shop, v1, simulator):
    """Half a month at 750 costs 375. At 1500, which is 2000 minus 25 %, it costs
    750.
    """
    subscription = shop.subscribe(
        shop.customer(), shop.price(1000), discounts=[{"coupon": coupon(v1)}]
    )
    simulator.advance(to=at("2026-01-16T12:00"))
    shop.change(subscription, shop.price(2000), proration_behavior="always_invoice")
    invoice = shop.invoices(subscription.id)[-1]
    assert (amounts(invoice), invoice.total) == ([-375, 750], 375)


def test_a_coupon_for_a_product_leaves_the_others(shop, v1):
    dear = shop.price(1000)
    other = v1.prices.create(
        {
            "product_data": {"name": "Add-on"},
            "unit_amount": 400,
            "currency": "usd",
            "recurring": {"interval": "month"},
        }
    )
    half = coupon(v1, percent_off=50.0, applies_to={"products": [shop.product]})
    subscription = v1.subscriptions.create(
        {
            "customer": shop.customer(),
            "items": [{"price": dear}, {"price": other.id}],
            "discounts": [{"coupon": half}],
        }
    )
    assert totals(shop, subscription) == [(1400, 900)]


def test_a_promotion_code_counts_and_runs_out(shop, v1):
    code = v1.promotion_codes.create(
        {
            "promotion": {"type": "coupon", "coupon": coupon(v1)},
            "code": "SPRING",
            "max_redemptions": 1,
        }
    )
    discounts = [{"promotion_code": code.id}]
    shop.subscribe(shop.customer(), shop.price(1000), discounts=discounts)
    used = v1.promotion_codes.retrieve(code.id)
    assert (used.times_redeemed, used.active) == (1, False)
    assert v1.coupons.retrieve(code.promotion.coupon).times_redeemed == 1
    with pytest.raises(stripe.InvalidRequestError) as refused:
        shop.subscribe(shop.customer(), shop.price(1000), discounts=discounts)
    assert refused.value.param == "discounts[0][promotion_code]"


@pytest.mark.parametrize("bound_to_another", [True, False])
def test_a_code_for_first_purchases_and_one_for_another_customer(shop, v1, bound_to_another):
    buyer, other = shop.customer(), shop.customer()
    shop.subscribe(buyer, shop.price(1000))
    fields = (
        {"customer": other}
        if bound_to_another
        else {"restrictions": {"first_time_transaction": True}}
    )
    code = v1.promotion_codes.create(
        {"promotion": {"type": "coupon", "coupon": coupon(v1)}, **fields}
    )
    with pytest.raises(stripe.InvalidRequestError, match="cannot be redeemed"):
        shop.subscribe(buyer, shop.price(1000), discounts=[{"promotion_code": code.id}])
    shop.subscribe(other, shop.price(1000), discounts=[{"promotion_code": code.id}])


def test_a_discount_can_be_added_and_ended(shop, v1, simulator):
    subscription = shop.subscribe(shop.customer(), shop.price(1000))
    v1.subscriptions.update(subscription.id, {"discounts": [{"coupon": coupon(v1)}]})
    simulator.advance(to=at("2026-02-01T01:00"))
    v1.subscriptions.update(subscription.id, {"discounts": ""})
    assert types(shop.events())[-2:] == [
        "customer.discount.deleted",
        "customer.subscription.updated",
    ]
    simulator.advance(to=at("2026-03-01T01:00"))
    assert [total for _, total in totals(shop, subscription)] == [1000, 750, 1000]


def test_a_discount_can_be_deleted(shop, v1):
    subscription = shop.subscribe(
        shop.customer(), shop.price(1000), discounts=[{"coupon": coupon(v1)}]
    )
    assert v1.subscriptions.delete_discount(subscription.id).deleted
    assert v1.subscriptions.retrieve(subscription.id).discounts == []
    with pytest.raises(stripe.InvalidRequestError) as refused:
        v1.subscriptions.delete_discount(subscription.id)
    assert refused.value.http_status == 404


def test_a_coupon_for_once_is_used_up_by_an_update_that_waited(shop, v1):
    subscription = shop.subscribe(shop.customer(), shop.price(1000))
    once = v1.coupons.create({"amount_off": 500, "currency": "usd", "duration": "once"}).id
    changed = shop.change(
        subscription,
        shop.price(9000, "year"),
        discounts=[{"coupon": once}],
        payment_behavior="pending_if_incomplete",
    )
    assert totals(shop, subscription)[-1] == (8000, 7500)
    assert changed.discounts == []
