"""What a change in the middle of a period costs: unused time is credited, remaining
time is charged, by seconds.

https://docs.stripe.com/billing/subscriptions/prorations, flexible billing mode: a
credit is a share of the amount that was really debited, after discounts, and not of the
price as it stands today.
"""

from typing import Any, TypedDict

from simulator.billing.money import share
from simulator.billing.periods import Period


class Debit(TypedDict):
    """What was last charged for a subscription item's time: after discounts, for which
    price, and where.

    It stands on a line of an invoice, or on a pending invoice item.
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
    """The credit, zero or negative, for the time that the debit paid beyond `at`."""
    if at >= debit["end"]:
        return 0
    return -share(
        debit["amount"], debit["end"] - max(at, debit["start"]), debit["end"] - debit["start"]
    )


def remaining(amount: int, period: Period, at: int) -> int:
    """What is left to pay of a period's price when an item begins at `at`."""
    return share(amount, period.end - at, period.seconds)
