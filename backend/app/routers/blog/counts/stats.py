"""The numbers of visible posts, for `GET /blog/stats`."""

from functools import cache
from typing import Any

from sqlalchemy import (
    CTE,
    BigInteger,
    ColumnElement,
    Select,
    Subquery,
    and_,
    cast,
    func,
    literal,
    select,
    true,
    union_all,
)
from sqlalchemy.orm import Session

from app.routers.auth.models import User
from app.routers.blog.models import BlogCategory, BlogCount, CountKind

from .statements import counted, waiting, waiting_by

LARGEST = 100  # maximum number of authors, and of categories
MONTHS = 120


def read_stats(db: Session) -> dict[str, Any]:
    """Read all numbers in one statement, so that they show the same moment."""
    found: dict[str, list[tuple[int, str, int]]] = {kind: [] for kind in CountKind}
    for kind, value, name, number in db.execute(_statement()):
        found[kind].append((value, name, number))
    for kind in (CountKind.AUTHOR, CountKind.CATEGORY):
        found[kind].sort(key=lambda row: (-row[2], row[0]))
    return {
        "posts": found[CountKind.TOTAL][0][2],
        "by_author": [
            {"username": name, "post_count": number} for _, name, number in found[CountKind.AUTHOR]
        ],
        "by_category": [
            {"slug": name, "post_count": number} for _, name, number in found[CountKind.CATEGORY]
        ],
        "by_month": [
            {"year": month // 100, "month": month % 100, "post_count": number}
            for month, _, number in sorted(found[CountKind.MONTH], reverse=True)
        ],
    }


@cache
def _statement() -> Select[Any]:
    """Build a statement whose rows have a kind, a value, a name and a number."""
    rows = waiting("author_id", "category_id", "month")
    authors = _numbers(CountKind.AUTHOR, waiting_by(rows, "author_id"))
    categories = _numbers(
        CountKind.CATEGORY,
        waiting_by(rows, "category_id"),
        BlogCount.value.in_(select(BlogCategory.id).where(BlogCategory.is_active)),
    )
    months = _numbers(CountKind.MONTH, waiting_by(rows, "month"))
    by_category = (
        _rows(CountKind.CATEGORY, categories, BlogCategory.slug)
        .join(BlogCategory, BlogCategory.id == categories.c.value)
        .where(BlogCategory.is_active)
    )
    parts = [
        _total(rows),
        _rows(CountKind.AUTHOR, authors, User.username).join(User, User.id == authors.c.value),
        by_category,
        _rows(CountKind.MONTH, months, literal("")),
    ]
    return select(union_all(*(select(part.subquery()) for part in parts)).subquery())


def _total(rows: CTE) -> Select[str, int, str, int]:
    stored = select(func.sum(BlogCount.count)).where(counted(CountKind.TOTAL))
    change = select(func.sum(rows.c.change))
    number = _or_zero(stored) + _or_zero(change)
    return select(
        literal(CountKind.TOTAL.value).label("kind"),
        literal(0).label("value"),
        literal("").label("name"),
        number.label("number"),
    )


def _or_zero(number: Select[Any]) -> ColumnElement[int]:
    return cast(func.coalesce(number.scalar_subquery(), 0), BigInteger)


def _order(kind: CountKind, value: Any, number: Any) -> tuple[ColumnElement[Any], ...]:
    """Return a sort order in which the rows to show come first."""
    return (value.desc(),) if kind is CountKind.MONTH else (number.desc(), value)


def _most(kind: CountKind) -> int:
    return MONTHS if kind is CountKind.MONTH else LARGEST


def _numbers(kind: CountKind, change: CTE, shown: ColumnElement[bool] | None = None) -> Subquery:
    """Select numbers of a kind, including all the numbers that will be shown.

    The selection has all numbers with waiting changes, and as many of the other numbers
    as can be shown. So the work does not grow with the number of authors.
    """
    untouched = (
        select(BlogCount.value.label("value"), BlogCount.count.label("number"))
        .where(counted(kind), true() if shown is None else shown)
        .where(BlogCount.value.not_in(select(change.c.value)))
        .order_by(*_order(kind, BlogCount.value, BlogCount.count))
        .limit(_most(kind))
        .subquery()
    )
    number = change.c.change + func.coalesce(BlogCount.count, 0)
    touched = select(change.c.value, number).outerjoin(
        BlogCount, and_(counted(kind), BlogCount.value == change.c.value)
    )
    return union_all(select(untouched), touched).subquery()


def _rows(kind: CountKind, numbers: Subquery, name: ColumnElement[str] | Any) -> Select[Any]:
    return (
        select(
            literal(kind.value).label("kind"),
            numbers.c.value,
            name.label("name"),
            numbers.c.number,
        )
        .where(numbers.c.number > 0)
        .order_by(*_order(kind, numbers.c.value, numbers.c.number))
        .limit(_most(kind))
    )
