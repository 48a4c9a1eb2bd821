"""The amounts of a Checkout session: lines, discounts, and the sum due today."""

from dataclasses import dataclass

from simulator.billing import coupons
from simulator.billing.catalog import cost
from simulator.billing.discounts import Discountable, reductions_by_line
from simulator.objects import Object
from simulator.protocol.errors import StripeError
from simulator.state.work import Work


@dataclass
class Quote:
    """The amounts of a Checkout session, in minor units.

    `due_today` is charged to the card, and `recurring` is the cost of later periods.
    """

    subtotal: int
    discount: int
    due_today: int
    recurring: int
    sources: list[Object]


def line_items(session: Object) -> list[Object]:
    found: list[Object] = session["_line_items"]
    return found


def has_trial(session: Object) -> bool:
    data = session["_subscription_data"]
    return bool(data.get("trial_period_days") or data.get("trial_end"))


def trial_days(session: Object) -> int | None:
    days: int | None = session["_subscription_data"].get("trial_period_days")
    return days


def wants_card(work: Work, session: Object, promotion_code: str | None = None) -> bool:
    if session["mode"] == "setup" or session["payment_method_collection"] == "always":
        return True
    return quote(work, session, promotion_code).due_today > 0


def quote(work: Work, session: Object, promotion_code: str | None = None) -> Quote:
    """Return the amounts with the promotion code that was typed.

    Raises an error if this customer cannot redeem the code.
    """
    sources = _sources(work, session, promotion_code)
    rows = [
        Discountable(item["amount_subtotal"], item["price"]["product"])
        for item in line_items(session)
    ]
    whole = [
        Discountable(one, row.product)
        for one, row in zip(_full_amounts(session), rows, strict=True)
    ]
    currency = session["currency"] or "usd"
    subtotal, discount = sum(row.amount for row in rows), _off(work, rows, sources, currency)
    lasting = [one for one in sources if coupons.coupon_of(work, one)["duration"] != "once"]
    recurring = sum(row.amount for row in whole) - _off(work, whole, lasting, currency)
    for source in sources:
        coupons.check_currency(work, source, currency)
        _check_minimum(source, sum(row.amount for row in whole))
    return Quote(subtotal, discount, subtotal - discount, recurring, sources)


def _full_amounts(session: Object) -> list[int]:
    """Return the amount of each line for a whole period after the trial."""
    return [cost(item["price"], item["quantity"]) for item in line_items(session)]


def _off(work: Work, rows: list[Discountable], sources: list[Object], currency: str) -> int:
    reductions = [coupons.reduction(work, source, currency) for source in sources]
    return sum(amount for taken in reductions_by_line(rows, reductions) for _, amount in taken)


def _check_minimum(source: Object, amount: int) -> None:
    least = (source.get("restrictions") or {}).get("minimum_amount")
    if least is not None and amount < least:
        raise StripeError(
            "This promotion code needs a larger purchase.", code="promotion_code_invalid"
        )


def _sources(work: Work, session: Object, promotion_code: str | None) -> list[Object]:
    if promotion_code:
        if not session["allow_promotion_codes"]:
            raise StripeError("This page accepts no promotion codes.", param="promotion_code")
        return [coupons.find_code(work, promotion_code, session["customer"])]
    found = []
    for one in session["discounts"] or []:
        kind = "promotion_code" if one["promotion_code"] else "coupon"
        found.append(work.get(kind, one[kind]))
    return found


def session_discounts(source: Object) -> Object:
    """Return the discounts in the form in which a session shows them."""
    promotion = source["id"] if source["object"] == "promotion_code" else None
    return {"coupon": None if promotion else source["id"], "promotion_code": promotion}


def source_of(work: Work, chosen: Object) -> Object:
    return (
        work.get("promotion_code", chosen["promotion_code"])
        if chosen["promotion_code"]
        else work.get("coupon", chosen["coupon"])
    )


def with_amounts(work: Work, session: Object, sources: list[Object]) -> None:
    """Return the session with its totals, and with the discount on each line."""
    items = line_items(session)
    if not items:
        return
    rows = [Discountable(item["amount_subtotal"], item["price"]["product"]) for item in items]
    reductions = [coupons.reduction(work, source, session["currency"]) for source in sources]
    for item, taken in zip(items, reductions_by_line(rows, reductions), strict=True):
        item["amount_discount"] = sum(amount for _, amount in taken)
        item["amount_total"] = item["amount_subtotal"] - item["amount_discount"]
    subtotal = sum(item["amount_subtotal"] for item in items)
    off = sum(item["amount_discount"] for item in items)
    session |= {
        "amount_subtotal": subtotal,
        "amount_total": subtotal - off,
        "discounts": [session_discounts(source) for source in sources],
        "total_details": {"amount_discount": off, "amount_shipping": 0, "amount_tax": 0},
    }
