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
    """Refuse an amount that cannot be charged to a card.

    An invoice can carry over such an amount, but a session in payment mode cannot.
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


def refuse_unsupported(params: Params) -> None:
    """Refuse parameters that would be visible on the page, or change the amount.

    The simulator's page does not support such parameters.
    """
    if params.get("ui_mode", "hosted_page") != "hosted_page":
        raise unsupported_feature("ui_mode", "The simulator supports only the hosted page.")
    for name in (
        "automatic_tax",
        "tax_id_collection",
        "phone_number_collection",
        "adaptive_pricing",
        "invoice_creation",
    ):
        if params.whole(name, {}).get("enabled"):
            raise unsupported_feature(name)
    if params.get("billing_address_collection") == "required":
        raise unsupported_feature(
            "billing_address_collection", "The simulator's page does not ask for an address."
        )
    if set(params.get("allowed_payment_method_types") or ["card"]) != {"card"}:
        raise unsupported_feature(
            "allowed_payment_method_types", "The simulator supports only cards."
        )
    for item in params.get("line_items") or []:
        if item.whole("adjustable_quantity", {}).get("enabled"):
            raise unsupported_feature(item.path("adjustable_quantity"))
    params.accept("custom_text", "wallet_options", "branding_settings", "origin_context")
