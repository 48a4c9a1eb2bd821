"""Coupons and promotion codes: who may redeem them, and how long discounts last."""

from collections.abc import Iterable

from simulator.billing.discounts import Reduction
from simulator.billing.periods import Interval
from simulator.objects import Object
from simulator.protocol.errors import StripeError, unsupported_feature
from simulator.protocol.parameters import Params
from simulator.shapes.discount import new_discount
from simulator.state.work import Work


def named_discounts(
    work: Work, sent: Iterable[Params], customer: str | None, param: str = "discounts"
) -> list[Object]:
    """Return the coupons or promotion codes that a call names.

    Raises an error if this customer cannot redeem one of them.
    """
    found = []
    for index, one in enumerate(sent):
        place = f"{param}[{index}]"
        if "discount" in one:
            raise unsupported_feature(f"{place}[discount]")
        if code := one.get("promotion_code"):
            promotion = work.get("promotion_code", code, f"{place}[promotion_code]")
            found.append(_checked_promotion(work, promotion, customer, f"{place}[promotion_code]"))
        else:
            found.append(
                _checked_coupon(
                    work, work.get("coupon", one["coupon"], f"{place}[coupon]"), f"{place}[coupon]"
                )
            )
    return found


def find_code(work: Work, code: str, customer: str | None) -> Object:
    """Return the promotion code that a customer typed.

    Raises the error that Checkout shows next to the field.
    """
    wanted = code.strip().lower()
    for promotion in work.all("promotion_code"):
        if promotion["code"].lower() == wanted and promotion["active"]:
            return _checked_promotion(work, promotion, customer, "promotion_code")
    raise StripeError("This code is invalid.", code="resource_missing", param="promotion_code")


def coupon_of(work: Work, source: Object) -> Object:
    """Return the coupon of a promotion code or a discount, or the coupon itself."""
    match source["object"]:
        case "coupon":
            return source
        case "promotion_code":
            return work.get("coupon", source["promotion"]["coupon"])
        case _:
            return work.get("coupon", source["source"]["coupon"])


def check_currency(work: Work, source: Object, currency: str, param: str = "discounts") -> None:
    """Raise an error if the discount is an amount in another currency."""
    coupon = coupon_of(work, source)
    if coupon["currency"] not in {None, currency}:
        raise StripeError(
            f"The coupon {coupon['id']} is in {coupon['currency']}, and cannot be used with "
            f"{currency}.",
            param=param,
        )


def redeem_discount(
    work: Work, source: Object, customer: str, subscription: str | None, currency: str
) -> Object:
    """Turn a coupon or promotion code into a discount, and count the redemption."""
    check_currency(work, source, currency)
    coupon = coupon_of(work, source)
    promotion = source if source["object"] == "promotion_code" else None
    for counted in filter(None, (coupon, promotion)):
        counted["times_redeemed"] += 1
        if not _redeemable(counted, work.now):
            counted["valid" if counted is coupon else "active"] = False
        work.put(counted)
    months = coupon["duration_in_months"] if coupon["duration"] == "repeating" else None
    discount = new_discount(
        work.new_id("discount"), customer=customer, coupon=coupon["id"], start=work.now
    )
    discount |= {
        "end": Interval("month").after(work.now, months) if months else None,
        "promotion_code": promotion["id"] if promotion else None,
        "subscription": subscription,
    }
    work.put(discount)
    work.emit("customer.discount.created", discount)
    return discount


def end_discount(work: Work, discount_id: str) -> None:
    """End a discount that was removed or used up. Old invoices still refer to the
    discount.
    """
    discount = work.get("discount", discount_id)
    if discount["end"] is None or discount["end"] > work.now:
        discount["end"] = work.now
    work.put(discount)
    work.emit("customer.discount.deleted", discount)


def running_discounts(work: Work, discount_ids: Iterable[str], at: int) -> list[str]:
    """Return those discounts that have not ended at this time."""
    discounts = [work.get("discount", identity) for identity in discount_ids]
    return [one["id"] for one in discounts if one["end"] is None or one["end"] > at]


def reduction(work: Work, source: Object, currency: str) -> Reduction:
    """Return the reduction of a coupon, promotion code or discount."""
    coupon = coupon_of(work, source)
    return Reduction(
        source["id"],
        percent_off=coupon["percent_off"],
        amount_off=coupon["amount_off"] or 0 if coupon["currency"] == currency else 0,
        products=frozenset(coupon.get("_applies_to") or ()),
    )


def is_once(work: Work, discount_id: str) -> bool:
    return bool(coupon_of(work, work.get("discount", discount_id))["duration"] == "once")


def _checked_coupon(work: Work, coupon: Object, param: str) -> Object:
    if not (coupon["valid"] and _redeemable(coupon, work.now)):
        raise StripeError(f"Coupon expired: {coupon['id']}", code="coupon_expired", param=param)
    return coupon


def _checked_promotion(work: Work, promotion: Object, customer: str | None, param: str) -> Object:
    usable = promotion["active"] and _redeemable(promotion, work.now)
    if promotion["customer"] not in {None, customer}:
        usable = False
    if (
        promotion["restrictions"]["first_time_transaction"]
        and customer
        and work.ids("charge", customer=customer)
    ):
        usable = False
    if not usable:
        raise StripeError(
            "This promotion code cannot be redeemed.", code="promotion_code_invalid", param=param
        )
    _checked_coupon(work, coupon_of(work, promotion), param)
    return promotion


def _redeemable(counted: Object, at: int) -> bool:
    until = counted.get("redeem_by") or counted.get("expires_at")
    most = counted["max_redemptions"]
    return (until is None or at < until) and (most is None or counted["times_redeemed"] < most)
