"""Amounts in whole minor units.

Floats are not used. Every share is computed exactly and then rounded once.
"""

from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction


def rounded(amount: Fraction | Decimal | int) -> int:
    """Round to the nearest minor unit.

    A half is rounded away from zero, so that a credit and the debit that it cancels are
    equal.
    """
    exact = Fraction(amount)
    whole = (abs(exact) * 2 + 1) // 2
    return int(whole) if exact >= 0 else -int(whole)


def share(amount: int, part: int, whole: int) -> int:
    """Return the share `part / whole` of an amount, such as the price of a period."""
    return rounded(Fraction(amount * part, whole))


def percentage(amount: int, percent: Decimal | float | str) -> int:
    return rounded(Fraction(amount) * Fraction(str(percent)) / 100)


def times(unit_amount_decimal: str, quantity: int) -> int:
    """Return the price of `quantity` units.

    The price of a unit may have up to twelve decimal places of a cent.
    """
    return rounded(Fraction(unit_amount_decimal) * quantity)


def spread(amount: int, weights: Sequence[int]) -> list[int]:
    """Divide the amount in proportion to the weights. The shares add up exactly.

    All shares are rounded down. The units that remain go to the shares with the largest
    fractions, and among equal fractions to the earlier share.
    """
    whole = sum(weights)
    if not whole:
        return [0] * len(weights)
    shares = [amount * weight // whole for weight in weights]
    by_remainder = sorted(range(len(weights)), key=lambda index: -(amount * weights[index] % whole))
    for index in by_remainder[: amount - sum(shares)]:
        shares[index] += 1
    return shares
