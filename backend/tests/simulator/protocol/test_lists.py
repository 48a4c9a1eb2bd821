"""Lists have pages, and accept `expand`."""

import pytest
import stripe


@pytest.fixture
def customers(v1):
    """Five customers, oldest first."""
    return [v1.customers.create({"email": f"{n}@example.com"}).id for n in range(5)]


def ids(answer):
    return [found.id for found in answer.data]


def test_the_newest_come_first(v1, customers):
    answer = v1.customers.list()
    assert ids(answer) == customers[::-1]
    assert (answer.has_more, answer.url) == (False, "/v1/customers")


def test_pages_go_both_ways(v1, customers):
    newest = customers[::-1]
    first = v1.customers.list({"limit": 2})
    assert (ids(first), first.has_more) == (newest[:2], True)
    second = v1.customers.list({"limit": 2, "starting_after": newest[1]})
    assert (ids(second), second.has_more) == (newest[2:4], True)
    last = v1.customers.list({"limit": 2, "starting_after": newest[3]})
    assert (ids(last), last.has_more) == (newest[4:], False)
    back = v1.customers.list({"limit": 2, "ending_before": newest[4]})
    assert (ids(back), back.has_more) == (newest[2:4], True)
    assert ids(v1.customers.list({"ending_before": newest[1]})) == newest[:1]
    assert [c.id for c in v1.customers.list({"limit": 2}).auto_paging_iter()] == newest


def test_a_page_goes_on_after_what_has_left_the_list(v1, customers):
    newest = customers[::-1]
    v1.customers.delete(newest[1])
    assert ids(v1.customers.list({"limit": 2, "starting_after": newest[1]})) == newest[2:4]
    assert newest[1] not in ids(v1.customers.list())


@pytest.mark.parametrize(
    ("params", "param"),
    [
        ({"limit": 0}, "limit"),
        ({"limit": 101}, "limit"),
        ({"starting_after": "cus_nope"}, "starting_after"),
        ({"ending_before": "cus_nope"}, "ending_before"),
        ({"starting_after": "a", "ending_before": "b"}, None),
    ],
)
def test_wrong_pages_are_refused(v1, customers, params, param):
    with pytest.raises(stripe.InvalidRequestError) as refused:
        v1.customers.list(params)
    assert (refused.value.http_status, refused.value.param) == (400, param)


def test_lists_are_filtered(simulator, v1, customers):
    assert ids(v1.customers.list({"email": "3@example.com"})) == [customers[3]]
    simulator.advance(seconds=100)
    later = v1.customers.create()
    assert ids(v1.customers.list({"created": {"gt": later.created - 100}})) == [later.id]
    assert ids(v1.customers.list({"created": {"lte": later.created - 100}})) == customers[::-1]
    assert ids(v1.customers.list({"created": later.created})) == [later.id]


@pytest.fixture
def price(v1):
    product = v1.products.create(
        {"name": "Pro", "default_price_data": {"unit_amount": 5, "currency": "usd"}}
    )
    return v1.prices.retrieve(product.default_price)


def test_ids_expand_to_objects(v1, price):
    found = v1.prices.retrieve(price.id, {"expand": ["product.default_price"]})
    assert found.product.default_price.id == price.id
    assert v1.prices.list({"expand": ["data.product"]}).data[0].product.name == "Pro"
    assert v1.prices.retrieve(price.id).product == found.product.id


def test_an_id_that_a_user_chose_expands_too(v1):
    v1.products.create({"id": "gold", "name": "Gold"})
    made = v1.prices.create(
        {"product": "gold", "unit_amount": 1, "currency": "usd", "expand": ["product"]}
    )
    assert made.product.name == "Gold"


@pytest.mark.parametrize(
    "path", ["currency", "nonsense", "product.name", "active", "a.b.c.d.e", "recurring.interval"]
)
def test_what_cannot_be_expanded_is_said(v1, price, path):
    if path.startswith("recurring"):
        price = v1.prices.create(
            {
                "product": price.product,
                "unit_amount": 1,
                "currency": "usd",
                "recurring": {"interval": "month"},
            }
        )
    with pytest.raises(stripe.InvalidRequestError) as refused:
        v1.prices.retrieve(price.id, {"expand": [path]})
    assert refused.value.param == "expand"


def test_a_missing_object_is_404_in_the_path_and_400_elsewhere(v1):
    with pytest.raises(stripe.InvalidRequestError) as missing:
        v1.customers.retrieve("cus_nope")
    assert (missing.value.http_status, missing.value.code) == (404, "resource_missing")
    assert missing.value.user_message == "No such customer: 'cus_nope'"
    with pytest.raises(stripe.InvalidRequestError) as named:
        v1.prices.create({"product": "prod_nope", "unit_amount": 1, "currency": "usd"})
    assert (named.value.http_status, named.value.param) == (400, "product")
