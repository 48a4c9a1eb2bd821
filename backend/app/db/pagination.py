"""Returns a page of a `Select`, by offset or by cursor."""

from typing import Any, TypeVar

from sqlalchemy import Select
from sqlalchemy.orm import Session

from app.core.pagination import Page, PageQuery
from app.core.schemas import Output

from .pages import pages_of
from .totals import total_of

Shape = TypeVar("Shape", bound=Output)


def paginate(
    db: Session, statement: Select[Any], page: PageQuery, shape: type[Shape]
) -> Page[Shape]:
    """Return one page of `statement`.

    A page takes one SQL statement. A page by offset may take more statements for the
    total (`totals`). `statement` must order by columns that cannot be null, and the
    last of these columns must be unique. Pages then never overlap, and a cursor
    continues where its page ended, even if rows were added or deleted. A column that
    can be null is allowed only after a sort key that separates the nulls from the other
    rows (`app.db.lists.ordering`). Raises `InvalidCursor`.
    """
    pages, given = pages_of(statement, shape)
    by_offset = page.cursor is None
    after = None if by_offset else page.decode(pages.types, pages.named)
    rows = pages.read(db, given, limit=page.limit + 1, offset=page.offset, after=after)
    more = len(rows) > page.limit
    rows = rows[: page.limit]
    page_of: type[Page[Shape]] = Page[shape]  # type: ignore[valid-type]  # at run time, this is a class
    return page_of.model_validate(
        {
            "items": [pages.item_of(row) for row in rows],
            "total": _total(db, statement, page, len(rows), more=more) if by_offset else None,
            "offset": page.offset if by_offset else None,
            "limit": page.limit,
            "has_more": more,
            "next_cursor": page.encode(pages.keys_of(rows[-1]), pages.named) if more else None,
        }
    )


def _total(
    db: Session, statement: Select[Any], page: PageQuery, rows: int, *, more: bool
) -> int | None:
    """Return the number of rows on all pages. For the last page, no count is needed."""
    seen = page.offset + rows
    if not more and (rows or not page.offset):
        return seen
    total = total_of(db, statement)
    return None if total is None else max(total, seen + more if rows else 0)
