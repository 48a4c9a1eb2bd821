from decimal import Decimal

import pytest
import stripe


@pytest.fixture
def product(v1):
    return v1.products.create({"name": "Pro"})


def price(v1, product, **more):
    return v1.prices.create(
        {
            "product": product.id,
            "unit_amount": 1000,
            "currency": "usd",
            "recurring": {"interval": "month"},
            **more,
        }
    )


def test_a_price_has_its_amount_as_number_and_as_text(v1, product):
    created = price(v1, product)
    assert (created.unit_amount, created.unit_amount_decimal) == (1000, Decimal(1000))
    assert created.recurring.interval_count == 1
    assert v1.prices.retrieve(created.id, {"expand": ["product"]}).product.name == "Pro"


def test_prices_are_found_by_lookup_key(v1, product):
    wanted = price(v1, product, lookup_key="pro_monthly")
    price(v1, product, lookup_key="pro_yearly")
    found = v1.prices.list({"lookup_keys": ["pro_monthly"], "expand": ["data.product"]}).data
    assert [p.id for p in found] == [wanted.id]
    assert found[0].product.id == product.id


def test_a_lookup_key_belongs_to_one_price_and_is_transferable(v1, product):
    first = price(v1, product, lookup_key="pro")
    with pytest.raises(stripe.InvalidRequestError) as refused:
        price(v1, product, lookup_key="pro")
    assert refused.value.code == "resource_already_exists"
    second = price(v1, product, lookup_key="pro", transfer_lookup_key=True)
    assert v1.prices.retrieve(first.id).lookup_key is None
    assert v1.prices.retrieve(second.id).lookup_key == "pro"


def test_unimplemented_parameters_are_refused(v1, product):
    with pytest.raises(stripe.InvalidRequestError) as refused:
        price(v1, product, transform_quantity={"divide_by": 10, "round": "up"})
    assert (refused.value.code, refused.value.param) == (
        "simulator_unsupported",
        "transform_quantity",
    )
    assert v1.prices.list().data == []
