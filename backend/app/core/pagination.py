"""Pages: by offset for people who turn them, by signed cursor for programs that read them all."""

import json
from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any, Generic, TypeVar
from uuid import UUID

from fastapi import Depends, Query, Request

from app.core.errors import Unprocessable
from app.core.keys import BadSignature, sign, unsign
from app.core.principal import viewer
from app.core.schemas import Output

T = TypeVar("T")

MAX_OFFSET = 10_000
MAX_LIMIT = 100
MAX_CURSOR = 4_000  # characters; one of the longest title in four-byte letters has 1,200
NOT_IN_CONTEXT = {"cursor", "limit", "offset"}


# Sort keys that JSON has no form for, and how they are read back.
READERS: dict[type, Callable[[str], Any]] = {
    datetime: datetime.fromisoformat,
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

    @property
    def context(self) -> str:
        """What a cursor is bound to: path, filters and sort as they were sent, and who asks."""
        query = sorted(pair for pair in self._request.query_params.multi_items() if pair[0] not in NOT_IN_CONTEXT)
        return json.dumps([self._request.url.path, query, viewer(self._request)])

    def encode(self, keys: list[Any]) -> str:
        """A cursor that continues after the row with these sort keys."""
        plain = json.dumps(keys, ensure_ascii=False, default=_plain)
        return sign("cursor", plain.encode(), self.context)

    def decode(self, types: list[type]) -> list[Any]:
        """The sort keys in `cursor`, as values of these types. Raises `InvalidCursor`."""
        try:
            plain = json.loads(unsign("cursor", self.cursor or "", self.context))
        except BadSignature as error:
            raise InvalidCursor from error
        readers = (READERS.get(kind) if key is not None else None for key, kind in zip(plain, types, strict=True))
        return [reader(key) if reader else key for key, reader in zip(plain, readers, strict=True)]


def _plain(key: Any) -> str:
    return key.isoformat() if isinstance(key, date) else str(key)


PageParams = Annotated[PageQuery, Depends()]
