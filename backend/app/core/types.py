"""Types that parameters and models share."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Annotated

from pydantic import Field
from pydantic_core import PydanticCustomError

MAX_ID = 2**63 - 1

Id = Annotated[int, Field(ge=1, le=MAX_ID)]
"""The id of a row. A value that no 64-bit column could hold is refused before any
database sees it.
"""


def now() -> datetime:
    """Return the time of this host's clock, aware and in UTC.

    For a time that is stored in a row, or compared with one, use `app.db.clock`.
    """
    return datetime.now(UTC)


def today() -> date:
    """Return the current date in UTC."""
    return now().date()


def rule(check: Callable[[str], str], kind: str) -> Callable[[str], str]:
    """Turn `check` into a validator.

    Its `ValueError` becomes a 422 with the error's text, and with `<kind>_invalid` as
    its type.
    """

    def validate(value: str) -> str:
        try:
            return check(value)
        except ValueError as error:
            raise PydanticCustomError(
                f"{kind}_invalid", "{reason}", {"reason": str(error)}
            ) from None

    return validate
