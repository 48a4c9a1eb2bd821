"""The currencies and amounts that Stripe accepts, read from `backend/currencies.toml`.

The source of the rules is named in that file.
"""

import tomllib
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache

from app.core.config import BACKEND

FILE = BACKEND / "currencies.toml"


@dataclass(frozen=True)
class Currency:
    """Stripe's rules for amounts in one currency.

    All amounts are in minor units, as in Stripe's API.
    """

    code: str
    decimals: int
    multiple_of: int
    minimum: int
    maximum: int

    def write(self, amount: int) -> str:
        """Format an amount for people to read, such as `12.00 EUR`."""
        return f"{Decimal(amount).scaleb(-self.decimals):,} {self.code.upper()}"

    def flaw(self, amount: int) -> str | None:
        """Return why Stripe would refuse to charge this amount, or `None`."""
        least, most = self.write(self.minimum), self.write(self.maximum)
        if amount % self.multiple_of:
            return (
                f"Input should be divisible by {self.multiple_of}, as Stripe requires for amounts "
                f"in {self.code}"
            )
        if amount < self.minimum:
            return (
                f"Input should be greater than or equal to {self.minimum}: Stripe charges no less "
                f"than {least}"
            )
        if amount > self.maximum:
            return (
                f"Input should be less than or equal to {self.maximum}: Stripe charges no more "
                f"than {most}"
            )
        return None


@lru_cache
def supported() -> dict[str, Currency]:
    """Return every currency that Stripe accepts, by its code in lower case."""
    table = tomllib.loads(FILE.read_text("utf-8"))
    return {
        code: Currency(
            code,
            decimals=0
            if code in table["zero_decimal"].split()
            else 3
            if code in table["three_decimal"].split()
            else 2,
            multiple_of=table["multiple_of"].get(code, 1),
            minimum=table["minimum"].get(code, 1),
            maximum=table["maximum"].get(code, table["maximum"]["others"]),
        )
        for code in table["supported"].split()
    }


def money(amount: int, currency: str) -> str:
    """Format an amount such as `12.00 EUR`.

    A currency that is missing from the file is assumed to have two decimals, like
    nearly all currencies.
    """
    return (supported().get(currency) or Currency(currency, 2, 1, 1, amount)).write(amount)
