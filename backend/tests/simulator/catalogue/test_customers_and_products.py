import pytest
import stripe


def types(v1, object_id):
    """Return the types of the object's events, oldest first."""
    return [
        e.type for e in v1.events.list({"limit": 100}).data if e.data.object["id"] == object_id
    ][::-1]


def test_a_customer_lives_and_goes(v1):
    customer = v1.customers.create(
        {
            "email": "ada@example.com",
            "name": "Ada",
            "address": {"city": "London"},
            "shipping": {"name": "Ada", "address": {"line1": "1 Main St"}},
            "preferred_locales": ["en", "fr"],
            "tax_exempt": "reverse",
        }
    )
    assert (customer.address.city, customer.address.country) == ("London", None)
    assert customer.preferred_locales == ["en", "fr"]
    changed = v1.customers.update(customer.id, {"name": "Ada L.", "tax_exempt": ""})
    assert (changed.name, changed.email, changed.tax_exempt) == (
        "Ada L.",
        "ada@example.com",
        "none",
    )
    v1.customers.update(customer.id, {"name": "Ada L."})
    assert v1.customers.delete(customer.id).deleted
    assert v1.customers.retrieve(customer.id).to_dict() == {
        "id": customer.id,
        "object": "customer",
        "deleted": True,
    }
    assert types(v1, customer.id) == ["customer.created", "customer.updated", "customer.deleted"]
    for refused in (
        lambda: v1.customers.update(customer.id, {"name": "x"}),
        lambda: v1.customers.delete(customer.id),
    ):
        with pytest.raises(stripe.InvalidRequestError) as gone:
            refused()
        assert gone.value.http_status == 404


def test_a_deleted_customer_takes_subscriptions_and_cards_along(v1):
    customer = v1.customers.create({"payment_method": "pm_card_visa"})
    (card,) = v1.customers.payment_methods.list(customer.id).data
    product = v1.products.create({"name": "Pro"})
    price = v1.prices.create(
        {
            "product": product.id,
            "unit_amount": 100,
            "currency": "usd",
            "recurring": {"interval": "month"},
        }
    )
    subscription = v1.subscriptions.create(
        {"customer": customer.id, "items": [{"price": price.id}], "default_payment_method": card.id}
    )
    v1.customers.delete(customer.id)
    assert v1.subscriptions.retrieve(subscription.id).status == "canceled"
    assert v1.payment_methods.retrieve(card.id).customer is None


@pytest.mark.parametrize("email", ["nobody", "a b"])
def test_an_address_without_at_is_refused(v1, email):
    with pytest.raises(stripe.InvalidRequestError) as refused:
        v1.customers.create({"email": email})
    assert (refused.value.code, refused.value.param) == ("email_invalid", "email")


@pytest.mark.parametrize("prefix", ["", "ab", "abc", 'AB"\r\nX: 1'])
def test_an_invoice_prefix_is_a_few_capitals(v1, prefix):
    with pytest.raises(stripe.InvalidRequestError) as refused:
        v1.customers.create({"invoice_prefix": prefix})
    assert refused.value.param == "invoice_prefix"


def test_the_default_card_must_be_the_customers_own(v1):
    customer, other = v1.customers.create(), v1.customers.create({"payment_method": "pm_card_visa"})
    (card,) = v1.customers.payment_methods.list(other.id).data
    for wrong in (card.id, "pm_nope"):
        with pytest.raises(stripe.InvalidRequestError) as refused:
            v1.customers.update(
                customer.id, {"invoice_settings": {"default_payment_method": wrong}}
            )
        assert refused.value.param == "invoice_settings[default_payment_method]"
    assert v1.customers.retrieve(customer.id).invoice_settings.default_payment_method is None


def test_a_test_card_may_be_named_twice(v1):
    """Stripe's own command `stripe trigger` does this."""
    settings = {"default_payment_method": "pm_card_visa"}
    customer = v1.customers.create({"payment_method": "pm_card_visa", "invoice_settings": settings})
    (card,) = v1.customers.payment_methods.list(customer.id).data
    assert customer.invoice_settings.default_payment_method == card.id


def test_a_product_lives_and_goes(v1):
    product = v1.products.create(
        {"id": "gold", "name": "Gold", "images": ["https://example.com/a.png"]}
    )
    assert (product.id, product.active, product.type) == ("gold", True, "service")
    v1.products.update("gold", {"description": "Shiny", "images": "", "active": False})
    found = v1.products.retrieve("gold")
    assert (found.description, found.images, found.active) == ("Shiny", [], False)
    assert v1.products.list({"active": True}).data == []
    assert [p.id for p in v1.products.list({"ids": ["gold", "silver"]}).data] == ["gold"]
    v1.products.delete("gold")
    with pytest.raises(stripe.InvalidRequestError) as gone:
        v1.products.retrieve("gold")
    assert gone.value.http_status == 404
    assert types(v1, "gold") == ["product.created", "product.updated", "product.deleted"]


def test_products_refuse_what_makes_no_sense(v1):
    priced = v1.products.create(
        {"name": "Pro", "default_price_data": {"currency": "usd", "unit_amount": 500}}
    )
    other = v1.products.create({"id": "gold", "name": "Gold"})
    wrongs = [
        (lambda: v1.products.create({"id": "gold", "name": "Again"}), "resource_already_exists"),
        (lambda: v1.products.delete(priced.id), None),
        (lambda: v1.products.update(other.id, {"default_price": priced.default_price}), None),
        (lambda: v1.products.update(other.id, {"name": ""}), "parameter_invalid_empty"),
    ]
    for wrong, code in wrongs:
        with pytest.raises(stripe.InvalidRequestError) as refused:
            wrong()
        assert refused.value.code == code


@pytest.mark.parametrize(
    "changes",
    [
        {"currency": "dollars"},
        {"unit_amount": -1},
        {"unit_amount": 10**15},
        {"unit_amount_decimal": "1.5"},
        {"billing_scheme": "tiered"},
        {"recurring": {"interval": "month", "usage_type": "metered"}},
        {"product_data": {"name": "Pro"}},
    ],
)
def test_prices_refuse_what_makes_no_sense(v1, changes):
    product = v1.products.create({"name": "Pro"})
    with pytest.raises(stripe.InvalidRequestError) as refused:
        v1.prices.create({"product": product.id, "unit_amount": 100, "currency": "usd", **changes})
    assert refused.value.http_status == 400
    assert v1.prices.list().data == []


def test_a_price_may_bring_its_product_and_have_fractions(v1):
    price = v1.prices.create(
        {"product_data": {"name": "Tea"}, "unit_amount_decimal": "12.50", "currency": "EUR"}
    )
    assert (price.unit_amount, str(price.unit_amount_decimal), price.currency) == (
        None,
        "12.5",
        "eur",
    )
    assert price.type == "one_time"
    assert v1.products.retrieve(price.product).name == "Tea"
    v1.prices.update(price.id, {"active": False, "nickname": "old", "tax_behavior": "inclusive"})
    assert [
        p.nickname for p in v1.prices.list({"active": False, "product": price.product}).data
    ] == ["old"]
    with pytest.raises(stripe.InvalidRequestError):
        v1.prices.update(price.id, {"tax_behavior": "exclusive"})


def test_prices_are_filtered_by_how_they_recur(v1):
    product = v1.products.create({"name": "Pro"})
    for interval in ("month", "year"):
        v1.prices.create(
            {
                "product": product.id,
                "unit_amount": 1,
                "currency": "usd",
                "recurring": {"interval": interval},
            }
        )
    v1.prices.create({"product": product.id, "unit_amount": 1, "currency": "usd"})
    assert [
        p.recurring.interval for p in v1.prices.list({"recurring": {"interval": "year"}}).data
    ] == ["year"]
    assert len(v1.prices.list({"type": "recurring"}).data) == 2
