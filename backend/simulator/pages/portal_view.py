"""The data of a customer that the portal shows: subscriptions, cards and invoices."""

from collections.abc import Iterator
from typing import Any

from simulator.billing.catalog import cost, product_name
from simulator.billing.words import format_money, short_day
from simulator.objects import Object
from simulator.pages import invoice_view
from simulator.pages.words import brand, format_date, format_interval
from simulator.state.work import Work

ENDED = {"canceled", "incomplete_expired"}
STATES = {
    "active": ("Active", "good"),
    "trialing": ("Trial", "good"),
    "past_due": ("Past due", "bad"),
    "unpaid": ("Unpaid", "bad"),
    "incomplete": ("Incomplete", "warn"),
    "paused": ("Paused", "warn"),
}
REASONS = {
    "too_expensive": "It is too expensive",
    "missing_features": "Something that I need is missing",
    "switched_service": "I found another service",
    "unused": "I do not use it enough",
    "customer_service": "The customer service was not good",
    "too_complex": "It is too hard to use",
    "low_quality": "The quality is not good enough",
    "other": "Another reason",
}
INVOICES_SHOWN = 24


def format_plan(work: Work, price: Object, quantity: int = 1) -> dict[str, Any]:
    """Format a price for people."""
    return {
        "id": price["id"],
        "name": product_name(work, price),
        "amount": format_money(cost(price, quantity), price["currency"]),
        "per": format_interval(price["recurring"]),
    }


def subscriptions(work: Work, customer: str, features: Object) -> list[dict[str, Any]]:
    """Return the subscriptions that have not ended, newest first."""
    living = [
        one for one in work.all("subscription", customer=customer) if one["status"] not in ENDED
    ]
    return [_subscription(work, one, features) for one in reversed(living)]


def _subscription(work: Work, subscription: Object, features: Object) -> dict[str, Any]:
    item = subscription["items"]["data"][0]
    ends = ends_at(subscription)
    word, tone = ("Ends soon", "warn") if ends else STATES[subscription["status"]]
    return {
        **format_plan(work, item["price"], item["quantity"]),
        "id": subscription["id"],
        "state": word,
        "tone": tone,
        "about": _about(subscription, item, ends),
        "can_change": features["subscription_update"]["enabled"] and not ends,
        "can_cancel": features["subscription_cancel"]["enabled"] and not ends,
        "can_resume": features["subscription_cancel"]["enabled"] and bool(ends),
    }


def ends_at(subscription: Object) -> int | None:
    """Return the time at which a cancelled subscription ends. Otherwise return
    `None`.
    """
    if subscription["cancel_at_period_end"]:
        end: int = subscription["items"]["data"][0]["current_period_end"]
        return end
    at: int | None = subscription["cancel_at"]
    return at


def _about(subscription: Object, item: Object, ends: int | None) -> str:
    if ends:
        return f"It ends on {format_date(ends)}, and is not charged again."
    match subscription["status"]:
        case "trialing":
            end = format_date(subscription["trial_end"])
            return f"The trial ends on {end}; then the card is charged."
        case "past_due" | "unpaid":
            return "The last payment failed. Add another card, or pay the open invoice below."
        case "incomplete":
            return "The first payment is still open. Pay the open invoice below."
        case "paused":
            return "It is paused until you add a card and resume it."
    return f"It renews on {format_date(item['current_period_end'])}."


def about_cancelling(subscription: Object, features: Object) -> str:
    if features["subscription_cancel"]["mode"] == "at_period_end":
        end = subscription["items"]["data"][0]["current_period_end"]
        return f"You keep your plan until {format_date(end)}, and are not charged again."
    return "Your plan ends at once."


def reasons(features: Object) -> list[tuple[str, str]]:
    """Return the reasons that the configuration offers, each with its label."""
    asked = features["subscription_cancel"]["cancellation_reason"]
    return (
        [(word, REASONS[word]) for word in asked["options"] if word in REASONS]
        if asked["enabled"]
        else []
    )


def cards(work: Work, customer: Object) -> Iterator[dict[str, Any]]:
    default = default_card(work, customer)
    for method in work.all("payment_method", customer=customer["id"]):
        card = method["card"]
        yield {
            "id": method["id"],
            "brand": brand(card["brand"]),
            "last4": card["last4"],
            "expires": f"{card['exp_month']:02} / {card['exp_year']}",
            "default": method["id"] == default,
        }


def default_card(work: Work, customer: Object) -> str | None:
    """Return the card that pays: the card of a subscription, else the customer's
    default.
    """
    own = (
        one["default_payment_method"]
        for one in work.all("subscription", customer=customer["id"])
        if _lives(one)
    )
    settings: str | None = customer["invoice_settings"]["default_payment_method"]
    return next((found for found in own if found), None) or settings


def _lives(subscription: Object) -> bool:
    return subscription["status"] not in ENDED


def invoices(work: Work, customer: str) -> Iterator[dict[str, Any]]:
    """Return the last invoices, without drafts, newest first."""
    issued = [one for one in work.all("invoice", customer=customer) if one["status"] != "draft"]
    for invoice in reversed(issued[-INVOICES_SHOWN:]):
        word, tone = invoice_view.state(invoice)
        yield {
            "date": short_day(invoice["created"]),
            "url": invoice["hosted_invoice_url"],
            "number": invoice["number"] or invoice["id"],
            "state": word,
            "tone": tone,
            "amount": format_money(invoice["total"], invoice["currency"]),
        }


def choices(work: Work, features: Object, current: Object) -> list[dict[str, Any]]:
    """Return the plans to which the customer can change, cheapest first.

    Only plans in the current currency are returned. The configuration lists these
    plans. The default configuration has no list, so all plans are offered.
    """
    products = features["subscription_update"]["products"]
    named = (
        [price for product in products or [] for price in product["prices"]]
        if products
        else work.ids("price")
    )
    prices = {name: work.get("price", name) for name in named} | {current["id"]: current}
    there = [price for price in prices.values() if not price.get("deleted")]
    fitting = [price for price in there if price is current or _fits(work, price, current)]
    fitting.sort(key=lambda price: cost(price, 1))
    return [
        format_plan(work, price) | {"current": price["id"] == current["id"]} for price in fitting
    ]


def _fits(work: Work, price: Object, current: Object) -> bool:
    per_unit = price["billing_scheme"] == "per_unit" and price["unit_amount_decimal"] is not None
    same = price["recurring"] and price["currency"] == current["currency"]
    return bool(
        price["active"]
        and per_unit
        and same
        and work.get("product", price["product"]).get("active")
    )
