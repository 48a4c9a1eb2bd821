"""The conditions under which a Checkout session can be paid."""

from simulator.billing import quotes
from simulator.billing.catalog import interval_of
from simulator.billing.currencies import largest_charge, multiple_of, smallest_charge
from simulator.billing.words import format_money
from simulator.objects import Object
from simulator.protocol.errors import StripeError, unsupported_feature
from simulator.protocol.parameters import Params
from simulator.protocol.urls import check_url


def check_session(session: Object, params: Params) -> None:
    items, mode = quotes.line_items(session), session["mode"]
    if not session["success_url"]:
        raise StripeError(
            "Missing required param: success_url.", code="parameter_missing", param="success_url"
        )
    for name in ("success_url", "cancel_url"):
        if session[name]:
            check_url(session[name], name)
    if not items and mode != "setup":
        raise StripeError(
            "You must provide at least one line item.", code="parameter_missing", param="line_items"
        )
    _check_prices(items, mode)
    if session["allow_promotion_codes"] and params.get("discounts"):
        raise StripeError(
            "You may only specify one of these parameters: allow_promotion_codes, discounts."
        )


def check_total(session: Object) -> None:
    """Refuse an amount that no card can be charged.

    An invoice carries such an amount over, but a payment cannot.
    """
    if session["mode"] != "payment" or not session["amount_total"]:
        return
    total, currency = session["amount_total"], session["currency"]
    least, most, step = (read(currency) for read in (smallest_charge, largest_charge, multiple_of))
    if total < least:
        raise StripeError(
            "The Checkout Session's total amount due must add up to at least "
            f"{format_money(least, currency)} {currency}",
            code="amount_too_small",
        )
    if total > most:
        raise StripeError(
            "The Checkout Session's total amount must be no more than "
            f"{format_money(most, currency)}",
            code="amount_too_large",
            param="line_items",
        )
    if total % step:
        raise StripeError(
            f"Invalid amount: amounts in {currency} must be divisible by {step}.",
            code="parameter_invalid_integer",
            param="line_items",
        )


def _check_prices(items: list[Object], mode: str) -> None:
    recurring = [bool(item["price"]["recurring"]) for item in items]
    if mode == "payment" and any(recurring):
        raise StripeError(
            "You specified `payment` mode but passed a recurring price. Either switch to "
            "`subscription` mode or use only one-time prices.",
            param="mode",
        )
    if mode == "subscription" and not all(recurring):
        if not any(recurring):
            raise StripeError(
                "You must provide at least one recurring price in `subscription` mode when using "
                "prices.",
                param="mode",
            )
        raise unsupported_feature(
            "line_items",
            "The simulator does not sell one-time prices together with recurring ones.",
        )
    if len({item["currency"] for item in items}) > 1:
        raise StripeError(
            "All prices on a Checkout Session must have one currency.", param="line_items"
        )
    if mode == "subscription" and len({interval_of(item["price"]) for item in items}) > 1:
        raise unsupported_feature(
            "line_items", "The simulator does not bill prices of different intervals together."
        )
