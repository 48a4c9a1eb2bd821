"""The currencies that Stripe supports, and the amounts that each currency allows.

The table is `backend/currencies.toml`, which names its source.
"""

import tomllib
from functools import lru_cache
from pathlib import Path
from typing import Any

from simulator.protocol.errors import StripeError

FILE = Path(__file__).parents[2] / "currencies.toml"
USUAL_MINIMUM = 50  # for currencies without an entry; Stripe requires the value of half a dollar


@lru_cache
def _table() -> dict[str, Any]:
    return tomllib.loads(FILE.read_text("utf-8"))


def checked(code: str) -> str:
    """Return a currency code in lower case. Raises for a currency that Stripe lacks."""
    known: list[str] = _table()["supported"].split()
    if code.lower() not in known:
        raise StripeError(
            f"Invalid currency: {code.lower()}. Stripe currently supports these currencies: "
            f"{', '.join(known)}",
            param="currency",
        )
    return code.lower()


def decimals(code: str) -> int:
    if code in _table()["zero_decimal"].split():
        return 0
    return 3 if code in _table()["three_decimal"].split() else 2


def multiple_of(code: str) -> int:
    """Return the number that an amount must be divisible by."""
    step: int = _table()["multiple_of"].get(code, 1)
    return step


def smallest_charge(code: str) -> int:
    """Return the smallest amount that can be charged to a card.

    If the amount of an invoice is smaller, it is added to the customer's balance.
    """
    least: int = _table()["minimum"].get(code, USUAL_MINIMUM)
    return least


def largest_charge(code: str) -> int:
    most: int = _table()["maximum"].get(code, _table()["maximum"]["others"])
    return most
