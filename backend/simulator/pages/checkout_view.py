"""The contents of the Checkout page."""

from dataclasses import dataclass

from simulator.billing.words import format_money
from simulator.durations import DAY
from simulator.objects import Object
from simulator.pages.invoice_view import SELLER, Row
from simulator.pages.words import days, format_date, format_interval

PROMISE = (
    "By subscribing you allow this business to charge your card now and at each renewal, until "
    "you cancel. You can cancel at any time."
)


@dataclass(frozen=True, slots=True)
class Bought:
    """A purchase, with amounts in minor units.

    `due` is paid today, and `later` is the price of each period of a subscription.
    """

    items: list[Object]
    subtotal: int
    due: int
    discounts: list[tuple[str, int]]
    later: int
    trial_end: int | None
    card_wanted: bool


@dataclass(frozen=True, slots=True)
class View:
    heading: str
    price: str
    per: str
    then: str
    rows: list[Row]
    subtotal: str
    discounts: list[Row]
    total: str
    promotion: bool
    email: str
    card_wanted: bool
    button: str
    terms: str
    cancel_url: str


def view(session: Object, bought: Bought, *, email: str, now: int) -> View:
    currency = session["currency"] or "usd"
    heading, price, per, then, button = _words(session["mode"], bought, currency, now)
    return View(
        heading=heading,
        price=price,
        per=per,
        then=then,
        rows=[_row(item) for item in bought.items],
        subtotal=format_money(bought.subtotal, currency),
        discounts=[Row(name, format_money(-off, currency)) for name, off in bought.discounts],
        total=format_money(bought.due, currency),
        promotion=bool(session["allow_promotion_codes"]),
        email=email,
        card_wanted=bought.card_wanted,
        button=button,
        terms=PROMISE if session["mode"] == "subscription" else "",
        cancel_url=session["cancel_url"] or "",
    )


def _words(mode: str, bought: Bought, currency: str, now: int) -> tuple[str, str, str, str, str]:
    """Return the heading, price, unit and later price, and the label of the button."""
    due = format_money(bought.due, currency)
    if mode == "setup":
        return "Save your card", "No payment", "", "Your card is kept for later.", "Save card"
    if mode == "payment":
        return f"Pay {SELLER}", due, "", "", f"Pay {due}"
    recurring = [item for item in bought.items if item["price"]["recurring"]]
    names = [item["description"] for item in recurring]
    heading = f"Subscribe to {names[0]}" if len(names) == 1 else f"Subscribe to {SELLER}"
    later, per = (
        format_money(bought.later, currency),
        format_interval(recurring[0]["price"]["recurring"]),
    )
    if not bought.trial_end:
        return heading, later, per, "", "Subscribe"
    free = days(max(1, round((bought.trial_end - now) / DAY)))
    then = f"Then {later} {per}, from {format_date(bought.trial_end)}"
    return heading, f"{free} free", "", then, "Start trial"


def _row(item: Object) -> Row:
    recurring = item["price"]["recurring"]
    every = f", {format_interval(recurring)}" if recurring else ""
    amount = format_money(item["amount_subtotal"], item["currency"])
    return Row(item["description"], amount, f"Quantity {item['quantity']}{every}")
