"""Pagination of lists: by offset for people, or by signed cursor for programs."""

import json
from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Generic, TypeVar
from uuid import UUID

from pydantic import Field

from app.core.errors import Unprocessable
from app.core.keys import sign_payload, unsign_payload
from app.core.schemas import Output

T = TypeVar("T")

MAX_OFFSET = 10_000
MAX_LIMIT = 100
MAX_CURSOR = 4_000  # characters; the longest title in four-byte letters needs 1,200


def _moment(text: str) -> datetime:
    if "T" not in text:
        raise ValueError("this is a date without a time")
    return datetime.fromisoformat(text)


# The functions that parse sort keys of types that JSON does not have.
READERS: dict[type, Callable[[str], Any]] = {
    datetime: _moment,
    date: date.fromisoformat,
    Decimal: Decimal,
    UUID: UUID,
}


class InvalidCursor(Unprocessable):
    """The cursor was altered, or belongs to another list, order, filter or user."""

    code = "invalid_cursor"
    detail = (
        "This cursor does not belong to this list. Request the first page again, without a cursor."
    )


class Page(Output, Generic[T]):
    """A page of a list.

    On a page requested by cursor, `total` and `offset` are null. Such a page takes the
    same time anywhere in the list.
    """

    items: list[T]
    total: int | None = Field(
        description="Exact up to 1,000. A larger total is at most a minute old. "
        "It is null with `cursor`, and for a list that is too long to count."
    )
    offset: int | None
    limit: int
    has_more: bool
    next_cursor: str | None

    @classmethod
    def model_parametrized_name(cls, params: tuple[Any, ...]) -> str:
        """Return the name of the schema, such as `PostSummaryPage`.

        Generated clients name their types after the schemas.
        """
        return f"{params[0].__name__}Page"


class PageQuery:
    """The page of a list that a client requests.

    Only pages that are requested by offset have a `total`, because it requires an
    additional query that counts the rows.
    """

    def __init__(
        self,
        bound_to: Callable[[], list[object]],
        *,
        offset: int = 0,
        limit: int = 20,
        cursor: str | None = None,
    ) -> None:
        """Store the parameters of the page.

        `bound_to` returns what a cursor is valid for, such as path, query and caller.
        This function is called only when the caller is known.
        """
        self._bound_to = bound_to
        self.offset = offset
        self.limit = limit
        self.cursor = cursor
        self._contexts: dict[str, str] = {}

    def context(self, order: str) -> str:
        """Return what a cursor is valid for, including the order of the rows."""
        if order not in self._contexts:
            self._contexts[order] = json.dumps([*self._bound_to(), order])
        return self._contexts[order]

    def encode(self, keys: list[Any], order: str = "") -> str:
        """Return a cursor that continues after the row with these sort keys.

        `order` is a text that names the sort keys.
        """
        plain = json.dumps(keys, ensure_ascii=False, default=_plain)
        return sign_payload("cursor", plain.encode(), self.context(order))

    def decode(self, types: list[type], order: str = "") -> list[Any]:
        """Return the sort keys in `cursor`, as values of these types.

        Raises `InvalidCursor`. The signature proves that we issued the cursor. But if
        another version of our code issued it, the sort keys or their types may differ.
        """
        try:
            plain = json.loads(unsign_payload("cursor", self.cursor or "", self.context(order)))
            keys = [_read(key, kind) for key, kind in zip(plain, types, strict=True)]
        except (ValueError, TypeError, AttributeError, ArithmeticError) as error:
            raise InvalidCursor from error
        if keys[-1] is None:  # the last key is unique, so it is never null
            raise InvalidCursor
        return keys


def _read(key: Any, kind: type) -> Any:
    if key is None:
        return None
    value = READERS[kind](key) if kind in READERS else key
    if type(value) is not kind:
        raise TypeError(f"{type(value).__name__} instead of {kind.__name__}")
    return value


def _plain(key: Any) -> str:
    return key.isoformat() if isinstance(key, date) else str(key)
