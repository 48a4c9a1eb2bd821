"""The arithmetic of coupons on the lines of an invoice.

https://docs.stripe.com/billing/subscriptions/coupons
"""

from collections.abc import Sequence
from dataclasses import dataclass

from simulator.billing.money import percentage, spread


@dataclass(frozen=True, slots=True)
class Reduction:
    """The reduction by a discount: a percentage, or an amount in the invoice's
    currency.

    `products` limits the discount to the lines of these products. An empty set means
    all products.
    """

    discount: str
    percent_off: float | None = None
    amount_off: int = 0
    products: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Discountable:
    """The facts about a line from which a discount is computed.

    Credits, and lines that are marked as not discountable, are excluded.
    """

    amount: int
    product: str | None
    discountable: bool = True


def reductions_by_line(
    lines: Sequence[Discountable], reductions: Sequence[Reduction]
) -> list[list[tuple[str, int]]]:
    """Return the reductions of each line, in the order of the discounts.

    Each discount applies to the amount that the previous discounts have left. No
    discount takes a line below zero.
    """
    left = [max(line.amount, 0) if line.discountable else 0 for line in lines]
    taken: list[list[tuple[str, int]]] = [[] for _ in lines]
    for reduction in reductions:
        base = [
            amount if not reduction.products or line.product in reduction.products else 0
            for amount, line in zip(left, lines, strict=True)
        ]
        for index, share in enumerate(spread(_off(sum(base), reduction), base)):
            if base[index]:
                left[index] -= share
                taken[index].append((reduction.discount, share))
    return taken


def _off(amount: int, reduction: Reduction) -> int:
    if reduction.percent_off is not None:
        return percentage(amount, reduction.percent_off)
    return min(amount, reduction.amount_off)
