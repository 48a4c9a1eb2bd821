"""Coupons, which reduce by a percentage or an amount, for all products or for some."""

from typing import Any

from stripe.params import (
    CouponCreateParams,
    CouponDeleteParams,
    CouponListParams,
    CouponRetrieveParams,
    CouponUpdateParams,
)

from simulator.billing.currencies import checked
from simulator.objects import Object
from simulator.protocol.errors import StripeError
from simulator.protocol.expansion import ABSENT, includable
from simulator.protocol.lists import list_page
from simulator.protocol.operations import operation
from simulator.protocol.parameters import Params
from simulator.state.work import Work

ID_LENGTH = 8


@operation("POST /v1/coupons", CouponCreateParams)
def create(work: Work, params: Params) -> Object:
    identity = params.get("id") or work.new_secret(ID_LENGTH)
    if work.find("coupon", identity):
        raise StripeError("Coupon already exists.", code="resource_already_exists", param="id")
    coupon = work.new(
        "coupon",
        identity,
        duration=params.get("duration", "once"),
        duration_in_months=params.get("duration_in_months"),
        max_redemptions=params.get("max_redemptions"),
        name=params.get("name"),
        redeem_by=params.get("redeem_by"),
        times_redeemed=0,
        valid=True,
        **_reduction(params),
    )
    if (coupon["duration"] == "repeating") != bool(coupon["duration_in_months"]):
        raise StripeError(
            "You must pass `duration_in_months` when `duration` is `repeating`, and only then.",
            code="parameter_missing",
            param="duration_in_months",
        )
    coupon["_applies_to"] = _products(work, params)
    params.merge_metadata(coupon)
    work.put(coupon)
    work.emit("coupon.created", coupon)
    return coupon


@operation("GET /v1/coupons/{id}", CouponRetrieveParams)
def retrieve(work: Work, _: Params, coupon: str) -> Object:
    return work.get_live("coupon", coupon)


@operation("POST /v1/coupons/{id}", CouponUpdateParams)
def update(work: Work, params: Params, identity: str) -> Object:
    coupon = work.get_live("coupon", identity)
    params.into(coupon, "name")
    params.merge_metadata(coupon)
    work.put(coupon)
    work.emit("coupon.updated", coupon)
    return coupon


@operation("DELETE /v1/coupons/{id}", CouponDeleteParams)
def delete(work: Work, _: Params, identity: str) -> Object:
    """Delete the coupon, so that it can no longer be redeemed.

    Existing discounts from this coupon continue, so the simulator keeps the coupon
    internally.
    """
    coupon = work.get_live("coupon", identity)
    coupon["valid"] = False
    work.emit("coupon.deleted", coupon)
    coupon["deleted"] = True
    work.put(coupon)
    return {"id": identity, "object": "coupon", "deleted": True}


@operation("GET /v1/coupons", CouponListParams)
def list_all(work: Work, params: Params) -> Object:
    return list_page(work, params, "coupon", "/v1/coupons")


@includable("coupon", "applies_to")
def applies_to(_: Work, coupon: Object) -> Any:
    products = coupon.get("_applies_to")
    return {"products": products} if products else ABSENT


@includable("coupon", "currency_options")
def currency_options(_: Work, coupon: Object) -> Any:
    """Return no options: a coupon has only its own currency here."""
    if not coupon["amount_off"]:
        return ABSENT
    return {coupon["currency"]: {"amount_off": coupon["amount_off"]}}


def _reduction(params: Params) -> Object:
    amount, percent = params.get("amount_off"), params.get("percent_off")
    if (amount is None) == (percent is None):
        raise StripeError(
            "Must provide either percent_off or amount_off.",
            code="parameter_missing",
            param="percent_off",
        )
    if percent is not None and not 0 < percent <= 100:  # noqa: PLR2004 - per cent
        raise StripeError(
            "Invalid percent_off: must be greater than 0 and at most 100.", param="percent_off"
        )
    if amount is not None and amount <= 0:
        raise StripeError(
            "Invalid positive integer", code="parameter_invalid_integer", param="amount_off"
        )
    currency = params.get("currency")
    if amount is not None and not currency:
        raise StripeError(
            "Missing required param: currency.", code="parameter_missing", param="currency"
        )
    return {
        "amount_off": amount,
        "currency": checked(currency) if currency and amount is not None else None,
        "percent_off": percent,
    }


def _products(work: Work, params: Params) -> list[str]:
    products = params.whole("applies_to", {}).get("products") or []
    return [work.get("product", product, "applies_to[products]")["id"] for product in products]
