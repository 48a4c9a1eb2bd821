"""From lines to what the customer owes."""

from typing import NamedTuple

from simulator.billing.money import smallest_charge


class Due(NamedTuple):
    """What is to be paid now, and the customer's balance once the invoice is final.

    A negative balance is credit that later invoices use up; a positive one is owed with the next.
    """

    amount: int
    ending_balance: int


def due(total: int, starting_balance: int, currency: str) -> Due:
    """What is left of a credit, and what is too small to charge, is carried.

    https://docs.stripe.com/billing/customer/balance
    """
    owed = total + starting_balance
    if owed < smallest_charge(currency):
        return Due(0, owed)
    return Due(owed, 0)
