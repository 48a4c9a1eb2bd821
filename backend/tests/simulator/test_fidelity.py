"""The check of fidelity accepts Stripe's own objects, and finds every kind of
difference.
"""

import json
from copy import deepcopy
from typing import Any

import pytest

from tests.simulator.fidelity import FIXTURES, flaws
from tests.support import services

COUPON = {
    "id": "TEN",
    "object": "coupon",
    "amount_off": None,
    "created": 1_900_000_000,
    "currency": None,
    "duration": "repeating",
    "duration_in_months": 3,
    "livemode": False,
    "max_redemptions": None,
    "metadata": {"campaign": "spring"},
    "name": "Ten",
    "percent_off": 12.5,
    "redeem_by": None,
    "times_redeemed": 0,
    "valid": True,
}
PRICE = {
    "id": "price_1",
    "object": "price",
    "active": True,
    "billing_scheme": "per_unit",
    "created": 1_900_000_000,
    "currency": "usd",
    "custom_unit_amount": None,
    "livemode": False,
    "lookup_key": "pro",
    "metadata": {},
    "nickname": None,
    "product": "prod_1",
    "recurring": {
        "interval": "month",
        "interval_count": 1,
        "meter": None,
        "trial_period_days": None,
        "usage_type": "licensed",
    },
    "tax_behavior": "unspecified",
    "tiers_mode": None,
    "transform_quantity": None,
    "type": "recurring",
    "unit_amount": 1000,
    "unit_amount_decimal": "1000",
}


def listed(*items: object) -> dict[str, Any]:
    return {"object": "list", "data": list(items), "has_more": False, "url": "/v1/any"}


@pytest.mark.parametrize(
    "answer", [COUPON, PRICE, listed(COUPON, PRICE)], ids=["coupon", "price", "list"]
)
def test_what_stripe_would_answer_has_no_flaw(answer):
    assert flaws(answer) == []


@pytest.mark.parametrize(
    ("changes", "flaw"),
    [
        ({"valid": None}, "coupon.valid: None is no bool"),
        ({"created": "1900000000"}, "coupon.created: '1900000000' is no int"),
        ({"times_redeemed": True}, "coupon.times_redeemed: True is no int"),
        ({"percent_off": "12.5"}, "coupon.percent_off: '12.5' is no float"),
        (
            {"duration": "weekly"},
            "coupon.duration: 'weekly' is none of 'forever', 'once', 'repeating'",
        ),
        ({"metadata": {"campaign": 1}}, "coupon.metadata.campaign: 1 is no str"),
        ({"metadata": []}, "coupon.metadata: [] is no UntypedStripeObject"),
        ({"applies_to": {}}, "coupon.applies_to.products: is missing"),
        ({"applies_to": {"products": [1]}}, "coupon.applies_to.products[0]: 1 is no str"),
        ({"discount": 5}, "coupon.discount: is not declared"),
        ({"object": "voucher"}, "voucher.object: 'voucher' is no kind of object"),
    ],
)
def test_a_wrong_field_is_noticed(changes, flaw):
    assert flaws(COUPON | changes) == [flaw]


@pytest.mark.parametrize(
    "field", ["created", "duration", "id", "livemode", "times_redeemed", "valid"]
)
def test_a_missing_field_is_noticed(field):
    assert flaws({name: value for name, value in COUPON.items() if name != field}) == [
        f"coupon.{field}: is missing"
    ]


def test_fields_of_nested_objects_count_as_well():
    broken = deepcopy(PRICE)
    broken["recurring"] = {"interval": "fortnight", "interval_count": 1, "usage_type": "licensed"}
    broken["unit_amount_decimal"] = 1000
    assert sorted(flaws(listed(broken))) == [
        "list.data[0].recurring.interval: 'fortnight' is none of 'day', 'month', 'week', 'year'",
        "list.data[0].unit_amount_decimal: 1000 is no Decimal",
    ]


def test_an_expandable_field_is_an_id_or_the_whole_object():
    assert flaws(PRICE | {"product": 7}) != []
    (flaw, *_) = sorted(flaws(PRICE | {"product": {"id": "prod_1", "object": "product"}}))
    assert flaw.startswith("price.product.")
    assert flaw.endswith(": is missing")
    assert flaws(PRICE | {"product": {"id": "prod_1", "object": "product", "deleted": True}}) == []


def test_what_an_event_tells_of_is_checked_like_an_answer():
    event: dict[str, Any] = {
        "id": "evt_1",
        "object": "event",
        "api_version": None,
        "created": 1,
        "data": {"object": COUPON, "previous_attributes": {"name": "Nine"}},
        "livemode": False,
        "pending_webhooks": 0,
        "request": {"id": None, "idempotency_key": None},
        "type": "coupon.updated",
    }
    assert flaws(event) == []
    event["data"] = {"object": COUPON | {"valid": "yes"}}
    event["type"] = "coupon.polished"
    first, second = sorted(flaws(event))
    assert first == "event.data.object.valid: 'yes' is no bool"
    assert second.startswith("event.type: 'coupon.polished' is none of ")


def test_a_deleted_object_is_three_fields():
    assert flaws({"id": "TEN", "object": "coupon", "deleted": True}) == []
    assert flaws({"object": "coupon", "deleted": True}) == ["coupon.id: is missing"]


def test_errors_are_checked():
    good = {
        "type": "invalid_request_error",
        "message": "No such coupon: 'x'",
        "code": "resource_missing",
    }
    assert flaws({"error": good}) == []
    assert flaws({"error": good | {"type": "oops"}}) == ["error.type: 'oops' is no type of error"]
    assert flaws({"error": {"type": "api_error"}}) == ["error.message: is missing"]
    assert flaws({"error": good | {"detail": "x"}}) == ["error.detail: is not declared"]
    assert flaws(["neither"]) == ["neither an object nor an error"]


@pytest.mark.parametrize(
    "kind", ["customer", "price", "product", "subscription_item", "checkout.session", "refund"]
)
def test_the_official_fixtures_pass_and_need_all_their_keys(kind):
    official = json.loads(services.data(FIXTURES).read_text("utf-8"))["resources"][kind]
    assert flaws(official) == []
    for key in official.keys() - {"object", "id"}:
        without = {name: value for name, value in official.items() if name != key}
        assert flaws(without) == [f"{kind}.{key}: is missing"]
