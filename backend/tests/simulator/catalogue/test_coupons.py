import pytest
import stripe


def test_a_coupon_lives_and_goes(v1):
    product = v1.products.create({"name": "Pro"})
    coupon = v1.coupons.create(
        {
            "id": "WELCOME",
            "percent_off": 12.5,
            "duration": "repeating",
            "duration_in_months": 3,
            "applies_to": {"products": [product.id]},
        }
    )
    assert (coupon.percent_off, coupon.valid, coupon.times_redeemed) == (12.5, True, 0)
    found = v1.coupons.retrieve("WELCOME", {"expand": ["applies_to"]})
    assert found.applies_to is not None
    assert found.applies_to.products == [product.id]
    assert "applies_to" not in coupon.to_dict()
    assert v1.coupons.update("WELCOME", {"name": "Welcome"}).name == "Welcome"
    v1.coupons.delete("WELCOME")
    assert v1.coupons.list().data == []
    with pytest.raises(stripe.InvalidRequestError) as gone:
        v1.coupons.retrieve("WELCOME")
    assert gone.value.http_status == 404
    with pytest.raises(stripe.InvalidRequestError) as unusable:
        v1.promotion_codes.create({"promotion": {"type": "coupon", "coupon": "WELCOME"}})
    assert unusable.value.http_status == 400
    types = [e.type for e in v1.events.list({"type": "coupon.*"}).data]
    assert types == ["coupon.deleted", "coupon.updated", "coupon.created"]


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"percent_off": 10, "amount_off": 100, "currency": "usd"},
        {"percent_off": 101},
        {"percent_off": 0},
        {"amount_off": 100},
        {"amount_off": 0, "currency": "usd"},
        {"percent_off": 10, "duration": "repeating"},
        {"percent_off": 10, "duration": "once", "duration_in_months": 2},
        {"percent_off": 10, "applies_to": {"products": ["prod_nope"]}},
        {"percent_off": 10, "currency_options": {"eur": {"amount_off": 1}}},
    ],
)
def test_coupons_that_make_no_sense_are_refused(v1, params):
    with pytest.raises(stripe.InvalidRequestError) as refused:
        v1.coupons.create(params)
    assert refused.value.http_status == 400
    assert v1.coupons.list().data == []


@pytest.fixture
def coupon(v1):
    return v1.coupons.create({"amount_off": 500, "currency": "usd", "duration": "once"}).id


def code(v1, coupon, **more):
    return v1.promotion_codes.create({"promotion": {"type": "coupon", "coupon": coupon}, **more})


def test_a_promotion_code_belongs_to_a_coupon(v1, coupon):
    made = code(
        v1,
        coupon,
        code="FALL20",
        restrictions={"minimum_amount": 100, "minimum_amount_currency": "usd"},
    )
    assert (made.code, made.promotion.coupon, made.restrictions.minimum_amount) == (
        "FALL20",
        coupon,
        100,
    )
    expanded = v1.promotion_codes.retrieve(made.id, {"expand": ["promotion.coupon"]})
    assert expanded.promotion.to_dict()["coupon"]["amount_off"] == 500
    other = code(v1, coupon)
    assert other.code != made.code
    assert [found.id for found in v1.promotion_codes.list({"code": "fall20"}).data] == [made.id]
    assert [found.id for found in v1.promotion_codes.list({"coupon": coupon}).data] == [
        other.id,
        made.id,
    ]
    assert v1.promotion_codes.list({"active": False}).data == []


def test_of_active_codes_no_two_are_the_same(v1, coupon):
    first = code(v1, coupon, code="SAVE")
    for same in ("SAVE", "save"):
        with pytest.raises(stripe.InvalidRequestError):
            code(v1, coupon, code=same)
    v1.promotion_codes.update(first.id, {"active": False})
    code(v1, coupon, code="SAVE")
    with pytest.raises(stripe.InvalidRequestError):
        v1.promotion_codes.update(first.id, {"active": True})


@pytest.mark.parametrize(
    "more",
    [
        {"customer": "cus_nope"},
        {"restrictions": {"minimum_amount": 5}},
        {"restrictions": {"currency_options": {"eur": {"minimum_amount": 5}}}},
    ],
)
def test_codes_that_make_no_sense_are_refused(v1, coupon, more):
    with pytest.raises(stripe.InvalidRequestError):
        code(v1, coupon, **more)
    assert v1.promotion_codes.list().data == []
