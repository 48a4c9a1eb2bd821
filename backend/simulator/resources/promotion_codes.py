"""Promotion codes, with which customers redeem coupons."""

from stripe.params import (
    PromotionCodeCreateParams,
    PromotionCodeListParams,
    PromotionCodeRetrieveParams,
    PromotionCodeUpdateParams,
)

from simulator.objects import Object
from simulator.protocol.errors import StripeError
from simulator.protocol.lists import equals, list_page
from simulator.protocol.operations import operation
from simulator.protocol.parameters import Params
from simulator.state.work import Work

URL = "/v1/promotion_codes"
CODE_LENGTH = 8


@operation("POST /v1/promotion_codes", PromotionCodeCreateParams)
def create(work: Work, params: Params) -> Object:
    coupon = work.get("coupon", params["promotion"].get("coupon"), "promotion[coupon]")
    params["promotion"].accept("type")  # only one type exists
    if not coupon["valid"]:
        raise StripeError(
            "The coupon of a new promotion code must be valid.", param="promotion[coupon]"
        )
    customer = params.get("customer")
    promotion_code = work.new(
        "promotion_code",
        active=params.get("active", True),
        code=params.get("code") or work.new_secret(CODE_LENGTH).upper(),
        customer=work.get("customer", customer, "customer")["id"] if customer else None,
        customer_account=None,
        expires_at=params.get("expires_at"),
        max_redemptions=params.get("max_redemptions"),
        promotion={"coupon": coupon["id"], "type": "coupon"},
        restrictions=_restrictions(params),
        times_redeemed=0,
    )
    params.merge_metadata(promotion_code)
    _refuse_twins(work, promotion_code)
    work.put(promotion_code)
    work.emit("promotion_code.created", promotion_code)
    return promotion_code


@operation("GET /v1/promotion_codes/{id}", PromotionCodeRetrieveParams)
def retrieve(work: Work, _: Params, identity: str) -> Object:
    return work.get("promotion_code", identity)


@operation("POST /v1/promotion_codes/{id}", PromotionCodeUpdateParams)
def update(work: Work, params: Params, identity: str) -> Object:
    promotion_code = work.get("promotion_code", identity)
    params.into(promotion_code, "active")
    params.merge_metadata(promotion_code)
    _refuse_twins(work, promotion_code)
    work.put(promotion_code)
    work.emit("promotion_code.updated", promotion_code)
    return promotion_code


@operation("GET /v1/promotion_codes", PromotionCodeListParams)
def list_all(work: Work, params: Params) -> Object:
    tests = equals(params, "active", "customer")
    if wanted := params.get("code"):
        tests.append(lambda found: found["code"].lower() == wanted.lower())
    where = {"promotion.coupon": params["coupon"]} if "coupon" in params else None
    return list_page(work, params, "promotion_code", URL, where, *tests)


def _restrictions(params: Params) -> Object:
    wanted: Object = {
        "first_time_transaction": False,
        "minimum_amount": None,
        "minimum_amount_currency": None,
    }
    if given := params.get("restrictions"):
        given.into(wanted, *wanted)
    if (wanted["minimum_amount"] is None) != (wanted["minimum_amount_currency"] is None):
        raise StripeError(
            "You must pass `minimum_amount` and `minimum_amount_currency` together.",
            code="parameter_missing",
            param="restrictions[minimum_amount_currency]",
        )
    return wanted


def _refuse_twins(work: Work, promotion_code: Object) -> None:
    """Refuse a code that is already active for the same customer, in upper or lower
    case.
    """
    for other in work.all("promotion_code"):
        same = (
            other["code"].lower() == promotion_code["code"].lower()
            and other["customer"] == promotion_code["customer"]
        )
        if (
            same
            and other["active"]
            and promotion_code["active"]
            and other["id"] != promotion_code["id"]
        ):
            raise StripeError(
                f"An active promotion code with `code: {promotion_code['code']}` already exists.",
                code="resource_already_exists",
                param="code",
            )
