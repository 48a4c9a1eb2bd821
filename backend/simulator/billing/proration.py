"""The cost of a change in the middle of a period.

Unused time is credited and remaining time is charged, by the second. A credit is a
share of the amount that was actually debited, after discounts. The credit does not
depend on today's price (https://docs.stripe.com/billing/subscriptions/prorations,
flexible billing mode).
"""

from typing import Any, TypedDict

from simulator.billing.money import share
from simulator.billing.periods import Period


class Debit(TypedDict):
    """The last charge for an item's time, with the amount after discounts and the
    price.

    The debit also has the id of the invoice line, or of the pending invoice item, that
    made the charge.
    """

    amount: int
    start: int
    end: int
    name: str
    quantity: int
    pricing: dict[str, Any]
    invoice: str | None
    line: str | None
    pending: str | None


def unused(debit: Debit, at: int) -> int:
    """Return the credit for the paid time after `at`, as zero or a negative amount."""
    if at >= debit["end"]:
        return 0
    return -share(
        debit["amount"], debit["end"] - max(at, debit["start"]), debit["end"] - debit["start"]
    )


def remaining(amount: int, period: Period, at: int) -> int:
    """Return the price of the rest of a period for an item that begins at `at`."""
    return share(amount, period.end - at, period.seconds)
