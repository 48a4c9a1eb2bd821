"""`GET /v1/…/search` understands Stripe's query language."""

import pytest
import stripe


@pytest.fixture
def people(v1):
    rows = [
        ("ada@example.com", "Ada", "pro"),
        ("bob@example.com", "Bob", "free"),
        ("eve@other.test", None, "pro"),
    ]
    return {
        email.partition("@")[0]: v1.customers.create(
            {"email": email, "metadata": {"plan": plan}, **({"name": name} if name else {})}
        )
        for email, name, plan in rows
    }


def found(v1, query, **more):
    return [c.email.partition("@")[0] for c in v1.customers.search({"query": query, **more}).data]


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("email:'ada@example.com'", ["ada"]),
        ("email:'ADA@example.com'", ["ada"]),
        ("email~'example.com'", ["bob", "ada"]),
        ('metadata["plan"]:"pro"', ["eve", "ada"]),
        ('metadata["plan"]:"pro" AND email~"other"', ["eve"]),
        ('metadata["plan"]:"pro" -name:null', ["ada"]),
        ("name:'Ada' OR name:'Bob'", ["bob", "ada"]),
        ("name:null", ["eve"]),
        ("created>=1767225600 AND created<1767225601", ["eve", "bob", "ada"]),
        ("created>1767225600", []),
        (r"name:'A\'da'", []),
    ],
)
def test_queries(v1, people, query, names):
    assert found(v1, query) == names


def test_pages_follow_each_other(v1, people):
    query = "email~'@'" + " AND created>0"
    with pytest.raises(stripe.InvalidRequestError):  # a part must have three characters
        v1.customers.search({"query": query})
    first = v1.customers.search({"query": "created>0", "limit": 2})
    assert (len(first.data), first.has_more) == (2, True)
    everybody = [
        c.id for c in v1.customers.search({"query": "created>0", "limit": 2}).auto_paging_iter()
    ]
    assert everybody == [people[name].id for name in ("eve", "bob", "ada")]


@pytest.mark.parametrize(
    "query",
    [
        "",
        "email",
        "email:'a' AND name:'b' OR name:'c'",
        "balance:'0'",
        "metadata:'x'",
        "created<abc",
        "name>null",
    ],
)
def test_queries_that_are_none_are_refused(v1, query):
    with pytest.raises(stripe.InvalidRequestError) as refused:
        v1.customers.search({"query": query or " "})
    assert refused.value.param == "query"


def test_prices_are_found_by_lookup_key(v1):
    product = v1.products.create({"name": "Pro"})
    price = v1.prices.create(
        {"product": product.id, "unit_amount": 5, "currency": "usd", "lookup_key": "pro"}
    )
    assert [
        p.id for p in v1.prices.search({"query": 'lookup_key:"pro" AND active:"true"'}).data
    ] == [price.id]
