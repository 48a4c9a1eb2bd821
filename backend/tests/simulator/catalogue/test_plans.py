"""Plans are the older form of recurring prices. Their routes still work."""

import pytest
import stripe


def test_a_plan_and_a_price_are_one_object(v1):
    product = v1.products.create({"name": "Pro"})
    wanted = {"currency": "usd", "unit_amount": 900, "recurring": {"interval": "month"}}
    price = v1.prices.create({"product": product.id, **wanted})
    v1.prices.create(
        {"product": product.id, "currency": "usd", "unit_amount": 5}
    )  # a price that is paid once is not a plan
    made = v1.plans.create(
        {
            "product": product.id,
            "amount": 700,
            "currency": "USD",
            "interval": "year",
            "metadata": {"a": "b"},
        }
    )
    assert made.id.startswith("plan_")
    assert (made.amount, made.amount_decimal, made.interval, made.metadata["a"]) == (
        700,
        700,
        "year",
        "b",
    )
    assert [plan.id for plan in v1.plans.list({"product": product.id}).data] == [made.id, price.id]
    assert v1.plans.retrieve(price.id).amount == 900
    assert v1.prices.retrieve(made.id).recurring.interval == "year"
    changed = v1.plans.update(made.id, {"active": False, "nickname": "Old", "trial_period_days": 7})
    assert (changed.active, changed.nickname, changed.trial_period_days) == (False, "Old", 7)
    assert v1.prices.retrieve(made.id).nickname == "Old"
    assert [plan.id for plan in v1.plans.list({"active": True}).data] == [price.id]


def test_a_plan_may_bring_its_product_and_its_id(v1):
    made = v1.plans.create(
        {
            "id": "gold",
            "amount": 1,
            "currency": "usd",
            "interval": "day",
            "product": {"name": "Gold"},
        }
    )
    assert (made.id, v1.products.retrieve(made.product).name) == ("gold", "Gold")
    with pytest.raises(stripe.InvalidRequestError) as refused:
        v1.plans.create(
            {
                "id": "gold",
                "amount": 1,
                "currency": "usd",
                "interval": "day",
                "product": made.product,
            }
        )
    assert refused.value.code == "resource_already_exists"


@pytest.mark.parametrize(
    ("changes", "param"),
    [
        ({"amount": -1}, "amount"),
        ({"amount": None}, "amount"),
        ({"product": None}, "product"),
        ({"product": "prod_none"}, "product"),
        ({"tiers_mode": "graduated"}, "tiers_mode"),
        ({"usage_type": "metered"}, "recurring[usage_type]"),
    ],
)
def test_a_plan_that_cannot_be_is_refused_by_its_own_words(v1, changes, param):
    product = v1.products.create({"name": "Pro"}).id
    wanted = {"product": product, "amount": 700, "currency": "usd", "interval": "year"} | changes
    with pytest.raises(stripe.InvalidRequestError) as refused:
        v1.plans.create({name: value for name, value in wanted.items() if value is not None})
    assert refused.value.param in {param, "usage_type"}


def test_a_deleted_plan_is_sold_no_more_and_renews(v1, simulator):
    product = v1.products.create({"name": "Pro"})
    plan = v1.plans.create(
        {"product": product.id, "amount": 700, "currency": "usd", "interval": "month"}
    )
    customer = v1.customers.create({"email": "ada@example.com"}).id
    card = v1.payment_methods.attach("pm_card_visa", {"customer": customer}).id
    bought = v1.subscriptions.create(
        {"customer": customer, "default_payment_method": card, "items": [{"plan": plan.id}]}
    )
    assert v1.plans.delete(plan.id).to_dict() == {"id": plan.id, "object": "plan", "deleted": True}
    assert v1.events.list({"type": "price.deleted"}).data[0].data.object.id == plan.id
    for read in (v1.plans.retrieve, v1.prices.retrieve):
        with pytest.raises(stripe.InvalidRequestError) as gone:
            read(plan.id)
        assert gone.value.http_status == 404
    with pytest.raises(stripe.InvalidRequestError):
        v1.subscriptions.create({"customer": customer, "items": [{"price": plan.id}]})
    assert v1.plans.list().data == []
    simulator.advance(seconds=32 * 86_400)
    assert [invoice.total for invoice in v1.invoices.list({"subscription": bought.id}).data] == [
        700,
        700,
    ]
    v1.billing_portal.sessions.create({"customer": customer})
