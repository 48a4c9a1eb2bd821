"""Types that parameters and shapes share."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Annotated

from pydantic import Field
from pydantic_core import PydanticCustomError

MAX_ID = 2**63 - 1

Id = Annotated[int, Field(ge=1, le=MAX_ID)]
"""A row's id: what no 64-bit column could hold is refused before any database sees it."""


def now() -> datetime:
    """What this host's clock shows, aware, in UTC. What goes into a row, or is compared with one: `app.db.clock`."""
    return datetime.now(UTC)


def today() -> date:
    """The date in UTC."""
    return now().date()


def rule(check: Callable[[str], str], kind: str) -> Callable[[str], str]:
    """`check` as a validator whose `ValueError` becomes a 422 with its text and `<kind>_invalid` as its type."""

    def validate(value: str) -> str:
        try:
            return check(value)
        except ValueError as error:
            raise PydanticCustomError(f"{kind}_invalid", "{reason}", {"reason": str(error)}) from None

    return validate
