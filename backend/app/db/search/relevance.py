"""A page of the most relevant hits of a search."""

from collections.abc import Sequence
from typing import Any, TypeVar

from sqlalchemy import Select, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from app.core.pagination import Page, PageQuery
from app.core.schemas import Output
from app.db.pages import pages_of

from .matching import query_for
from .ranking import Search, ranked

ORDER = "relevance"  # the order that a cursor belongs to

Shape = TypeVar("Shape", bound=Output)


def ranked_page(  # noqa: PLR0913, PLR0917 - each parameter is a part of the search
    db: Session,
    statement: Select[Any],
    column: InstrumentedAttribute[Any],
    q: str,
    page: PageQuery,
    shape: type[Shape],
    *,
    newest: Sequence[InstrumentedAttribute[Any]],
) -> Page[Shape]:
    """Return one page of the rows of `statement` that match `q`.

    The most relevant rows come first, then the newest. `newest` are the columns that
    sort the rows from newest to oldest. The last one is the primary key. There should
    be an index on the columns that the conditions of `statement` compare for equality,
    followed by the `newest` columns.

    Only the newest 1,000 hits are ranked. If there are more, `total` is null. A cursor
    holds an offset. Raises `InvalidCursor`.
    """
    start = page.offset if page.cursor is None else page.decode([int], ORDER)[0]
    query = query_for(q)
    keys, total = ranked(db, Search(statement, column, query, newest)) if query else ([], 0)
    end = start + page.limit
    more = end < len(keys)
    by_offset = page.cursor is None
    page_of: type[Page[Shape]] = Page[shape]  # type: ignore[valid-type]  # at run time, this is a class
    return page_of.model_validate(
        {
            "items": _items(db, newest[-1], keys[start:end], shape),
            "total": total if by_offset else None,
            "offset": start if by_offset else None,
            "limit": page.limit,
            "has_more": more,
            "next_cursor": page.encode([end], ORDER) if more else None,
        }
    )


def _items(
    db: Session, key: InstrumentedAttribute[Any], keys: Sequence[int], shape: type[Shape]
) -> list[Any]:
    """Return the rows with these keys, in the order of the keys."""
    if not keys:
        return []
    pages, values = pages_of(select(key.class_).where(key.in_(keys)).order_by(key), shape)
    rows = pages.read(db, values, limit=len(keys), offset=0, after=None)
    items = {pages.keys_of(row)[0]: pages.item_of(row) for row in rows}
    return [items[one] for one in keys if one in items]
