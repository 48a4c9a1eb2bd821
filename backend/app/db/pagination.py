"""Returns a page of a `Select`, by offset or by cursor."""

from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Select, UnaryExpression, and_, literal, or_
from sqlalchemy.orm import Session
from sqlalchemy.sql import operators

from app.core.pagination import Page, PageQuery
from app.core.schemas import Output

from .projection import projection_of
from .totals import total_of

Shape = TypeVar("Shape", bound=Output)


def paginate(
    db: Session, statement: Select[Any], page: PageQuery, shape: type[Shape]
) -> Page[Shape]:
    """Return one page of `statement`.

    A page takes one SQL statement. A page by offset may take more for its total
    (`totals`). The statement must order by columns that cannot be null, and the last of
    them must be unique. Then pages never overlap, and a cursor continues where its page
    ended, even if rows were added or deleted. A column that can be null must follow a
    key that separates its nulls (`app.db.lists.ordering`). Raises `InvalidCursor`.
    """
    order = [_direction(clause) for clause in statement._order_by_clauses]  # noqa: SLF001 - has no public reader
    keys = [key for key, _ in order]
    named = " ".join(f"{'-' if down else ''}{getattr(key, 'key', None)}" for key, down in order)
    projection = projection_of(statement, shape)
    wanted = projection.apply(statement) if projection else statement
    wanted = wanted.add_columns(*keys).limit(page.limit + 1)
    by_offset = page.cursor is None
    if by_offset:
        wanted = wanted.offset(page.offset)
    else:
        types = [key.type.python_type for key in keys]
        wanted = wanted.where(_after(order, page.decode(types, named)))
    rows = db.execute(wanted).all()
    more = len(rows) > page.limit
    rows = rows[: page.limit]
    page_of: type[Page[Shape]] = Page[shape]  # type: ignore[valid-type]  # the class at run time
    return page_of.model_validate(
        {
            "items": [projection.read(row) if projection else row[0] for row in rows],
            "total": _total(db, statement, page, len(rows), more=more) if by_offset else None,
            "offset": page.offset if by_offset else None,
            "limit": page.limit,
            "has_more": more,
            "next_cursor": page.encode(list(rows[-1][-len(keys) :]), named) if more else None,
        }
    )


def _total(
    db: Session, statement: Select[Any], page: PageQuery, rows: int, *, more: bool
) -> int | None:
    """Return the number of rows on all pages. The last page already shows it."""
    seen = page.offset + rows
    if not more and (rows or not page.offset):
        return seen
    total = total_of(db, statement)
    return None if total is None else max(total, seen + more if rows else 0)


def _direction(clause: Any) -> tuple[ColumnElement[Any], bool]:
    """Return the expression of an order clause, and whether it is descending."""
    if isinstance(clause, UnaryExpression) and clause.modifier in (
        operators.desc_op,
        operators.asc_op,
    ):
        return clause.element, clause.modifier is operators.desc_op
    return clause, False


def _after(order: list[tuple[ColumnElement[Any], bool]], values: list[Any]) -> ColumnElement[bool]:
    """Return the condition for the rows after `values`.

    The condition has the form `a <= x AND (a < x OR (a = x AND b < y))`, for which all
    three databases can use an index.
    """
    key, down = order[0]
    # The key before this one separates the nulls, so this key is null in all these
    # rows.
    if values[0] is None:
        return _after(order[1:], values[1:])
    value = literal(values[0], key.type)  # a bare True has no `<`
    beyond: ColumnElement[bool] = key < value if down else key > value
    if len(order) == 1:
        return beyond
    reached = key <= value if down else key >= value
    return and_(reached, or_(beyond, and_(key == value, _after(order[1:], values[1:]))))
