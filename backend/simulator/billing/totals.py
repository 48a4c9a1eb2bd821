"""Computes what the customer has to pay for an invoice, and what is carried over."""

from fractions import Fraction
from typing import NamedTuple

from simulator.billing.currencies import multiple_of, smallest_charge
from simulator.billing.money import rounded


class Due(NamedTuple):
    """The amount to pay now, and the customer's balance once the invoice is final.

    A negative balance is credit that later invoices use up. A positive balance is added
    to the next invoice.
    """

    amount: int
    ending_balance: int


def due(total: int, starting_balance: int, currency: str) -> Due:
    """Return the amount that is due, and the balance that is carried over.

    Unused credit, an amount too small to charge, and a rounding difference are carried
    over.

    https://docs.stripe.com/billing/customer/balance and
    https://docs.stripe.com/currencies#special-cases
    """
    owed = total + starting_balance
    if owed < smallest_charge(currency):
        return Due(0, owed)
    step = multiple_of(currency)
    amount = rounded(Fraction(owed, step)) * step
    return Due(amount, owed - amount)
