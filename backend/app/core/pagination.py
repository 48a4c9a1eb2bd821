"""Pages: by offset for people who turn them, by signed cursor for programs that read them all."""

import json
from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any, Generic, TypeVar
from uuid import UUID

from fastapi import Depends, Query, Request

from app.core.errors import Unprocessable
from app.core.keys import sign, unsign
from app.core.principal import viewer
from app.core.schemas import Output

T = TypeVar("T")

MAX_OFFSET = 10_000
MAX_LIMIT = 100
MAX_CURSOR = 4_000  # characters; one of the longest title in four-byte letters has 1,200
NOT_IN_CONTEXT = {"cursor", "limit", "offset"}


def _moment(text: str) -> datetime:
    if "T" not in text:
        raise ValueError("a date is no moment")
    return datetime.fromisoformat(text)


# Sort keys that JSON has no form for, and how they are read back.
READERS: dict[type, Callable[[str], Any]] = {
    datetime: _moment,
    date: date.fromisoformat,
    Decimal: Decimal,
    UUID: UUID,
}


class InvalidCursor(Unprocessable):
    """Altered, or made for another list, sort, filter or viewer."""

    code = "invalid_cursor"
    detail = "This cursor does not belong to this list. Start again without one."


class Page(Output, Generic[T]):
    """One page of a list. With `cursor`, `total` and `offset` are null and the cost does not grow with depth."""

    items: list[T]
    total: int | None
    offset: int | None
    limit: int
    has_more: bool
    next_cursor: str | None

    @classmethod
    def model_parametrized_name(cls, params: tuple[Any, ...]) -> str:
        """Name its schema `PostSummaryPage`: generated clients name a type after it."""
        return f"{params[0].__name__}Page"


class PageQuery:
    """The part of a list that is asked for. `total` costs a count, so only offset pages have one."""

    def __init__(
        self,
        request: Request,
        offset: Annotated[int, Query(ge=0, le=MAX_OFFSET)] = 0,
        limit: Annotated[int, Query(ge=1, le=MAX_LIMIT)] = 20,
        cursor: Annotated[
            str | None, Query(max_length=MAX_CURSOR, description="`next_cursor` of the page before, unchanged.")
        ] = None,
    ) -> None:
        self._request = request
        self.offset = offset
        self.limit = limit
        self.cursor = cursor

    def context(self, order: str) -> str:
        """Everything that a cursor is bound to: path, query, caller, and the order of the rows."""
        query = sorted(pair for pair in self._request.query_params.multi_items() if pair[0] not in NOT_IN_CONTEXT)
        return json.dumps([self._request.url.path, query, viewer(self._request), order])

    def encode(self, keys: list[Any], order: str = "") -> str:
        """A cursor that continues after the row with these sort keys; `order` names them."""
        plain = json.dumps(keys, ensure_ascii=False, default=_plain)
        return sign("cursor", plain.encode(), self.context(order))

    def decode(self, types: list[type], order: str = "") -> list[Any]:
        """The sort keys in `cursor`, as values of these types. Raises `InvalidCursor`.

        The signature proves that the cursor is ours, not that this version of the code made it. A
        deployment may have changed the sort keys since, or the types of their columns.
        """
        try:
            plain = json.loads(unsign("cursor", self.cursor or "", self.context(order)))
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


PageParams = Annotated[PageQuery, Depends()]
