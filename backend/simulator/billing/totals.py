"""From lines to what the customer owes."""

from fractions import Fraction
from typing import NamedTuple

from simulator.billing.currencies import multiple_of, smallest_charge
from simulator.billing.money import rounded


class Due(NamedTuple):
    """What is to be paid now, and the customer's balance once the invoice is final.

    A negative balance is credit that later invoices use up; a positive one is owed with
    the next.
    """

    amount: int
    ending_balance: int


def due(total: int, starting_balance: int, currency: str) -> Due:
    """What is left of a credit, what is too small to charge, and what rounding leaves
    over, is carried.

    https://docs.stripe.com/billing/customer/balance and
    https://docs.stripe.com/currencies#special-cases
    """
    owed = total + starting_balance
    if owed < smallest_charge(currency):
        return Due(0, owed)
    step = multiple_of(currency)
    amount = rounded(Fraction(owed, step)) * step
    return Due(amount, owed - amount)
