"""Types that parameters and models share."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Annotated

from pydantic import Field
from pydantic_core import PydanticCustomError

MAX_ID = 2**63 - 1

Id = Annotated[int, Field(ge=1, le=MAX_ID)]
"""A row's id.

Ids that do not fit into a 64-bit column are refused before they reach a database.
"""


def utc_now() -> datetime:
    """Return the time according to this host's clock, in UTC.

    Use `app.db.clock` for a time that is stored in a row or compared with a stored
    time.
    """
    return datetime.now(UTC)


def today() -> date:
    """Return the current date in UTC."""
    return utc_now().date()


def validator_from(check: Callable[[str], str], kind: str) -> Callable[[str], str]:
    """Turn `check` into a validator.

    A `ValueError` raised by `check` becomes a 422 with the error's text and the type
    `<kind>_invalid`.
    """

    def validate(value: str) -> str:
        try:
            return check(value)
        except ValueError as error:
            raise PydanticCustomError(
                f"{kind}_invalid", "{reason}", {"reason": str(error)}
            ) from None

    return validate
