"""SQL that adds up the parts of each number. The package's docstring lists the parts.

A number is exact while at most `MOST` posts and at most `MOST` changes wait for the
job. During a larger import, the other posts are left out until the job has counted
them, so that no request takes longer than usual.
"""

from functools import cache
from typing import Any

from sqlalchemy import (
    CTE,
    BigInteger,
    ColumnElement,
    Integer,
    Select,
    Subquery,
    and_,
    cast,
    extract,
    func,
    literal,
    not_,
    select,
    union_all,
)
from sqlalchemy.orm import InstrumentedAttribute, with_expression

from app.db import clock
from app.routers.blog import queries
from app.routers.blog.models import (
    BlogCategory,
    BlogCount,
    BlogCountState,
    BlogPost,
    BlogUncounted,
    CountKind,
)

MOST = 10_000

# The condition of the partial index. PostgreSQL and SQLite use a partial index only if
# a query repeats its condition.
UNSETTLED = BlogPost.is_counted != BlogPost.is_published


def visible_but_uncounted() -> tuple[ColumnElement[bool], ...]:
    return (UNSETTLED, not_(BlogPost.is_counted), queries.is_public())


def hidden_but_counted() -> tuple[ColumnElement[bool], ...]:
    """Match counted posts that were unpublished with plain SQL, or by an earlier
    version.
    """
    return (UNSETTLED, BlogPost.is_counted.expression, not_(BlogPost.is_published))


def counted_too_early() -> tuple[ColumnElement[bool], ...]:
    """Match counted posts whose time was moved into the future with plain SQL."""
    is_early = BlogPost.published_at > clock.now()
    return (BlogPost.is_published.expression, is_early, BlogPost.is_counted.expression)


def month_column() -> ColumnElement[int]:
    """Return the month of `published_at` as a number. Database sessions use UTC."""
    year, month = (extract(part, BlogPost.published_at) for part in ("year", "month"))
    return cast(year * 100 + month, Integer)


def waiting(*columns: str) -> CTE:
    """Select the posts and the changes that wait for the job, at most `MOST` of each.

    Each of `columns` is `author_id`, `category_id` or `month`. `change` is 1 or -1.
    """
    of_post = {
        "author_id": BlogPost.author_id,
        "category_id": BlogPost.category_id,
        "month": month_column(),
    }
    posts = (
        select(*(of_post[name].label(name) for name in columns), literal(1).label("change"))
        .where(*visible_but_uncounted())
        .order_by(BlogPost.published_at, BlogPost.id)
        .limit(MOST)
        .subquery()
    )
    changes = (
        select(*(getattr(BlogUncounted, name) for name in columns), literal(-1).label("change"))
        .order_by(BlogUncounted.id)
        .limit(MOST)
        .subquery()
    )
    return union_all(select(posts), select(changes)).cte("waiting")


def waiting_by(rows: CTE, column: str) -> CTE:
    """Select the sum of the changes for each value of a column, as `value` and
    `change`.

    Without `MATERIALIZED`, all sums would be computed again for each category.
    """
    value = rows.c[column]
    change = cast(func.sum(rows.c.change), BigInteger).label("change")
    return (
        select(value.label("value"), change)
        .where(value.is_not(None))
        .group_by(value)
        .cte(f"waiting_by_{column}")
        .prefix_with("MATERIALIZED", dialect="postgresql")
        .prefix_with("MATERIALIZED", dialect="sqlite")
    )


def counted(kind: CountKind) -> ColumnElement[bool]:
    """Match the counters of a kind in the round that readers use."""
    shown = select(BlogCountState.shown_round).where(BlogCountState.id == 1).scalar_subquery()
    return and_(BlogCount.round == func.coalesce(shown, 0), BlogCount.kind == kind)


def numbers(kind: CountKind, column: str) -> Subquery:
    """Select all numbers of a kind, as `value` and `number`.

    The two halves of the union have no value in common, and both are sorted by `value`.
    So PostgreSQL can merge them. It reads all counters of the kind, but no posts.
    """
    change = waiting_by(waiting(column), column)
    number = (BlogCount.count + func.coalesce(change.c.change, 0)).label("number")
    old = (
        select(BlogCount.value.label("value"), number)
        .outerjoin(change, change.c.value == BlogCount.value)
        .where(counted(kind))
        .order_by(BlogCount.value)
        .subquery()
    )
    known = select(literal(1)).where(counted(kind), BlogCount.value == change.c.value)
    new = select(change.c.value, change.c.change.label("number")).where(
        ~known.correlate(change).exists()
    )
    in_order = new.order_by(change.c.value).subquery()
    return union_all(select(old), select(in_order)).subquery("numbers")


def number_of(kind: CountKind, column: str, owner: InstrumentedAttribute[int]) -> Any:
    """Return the number of posts of an author or a category, as an SQL expression."""
    change = waiting_by(waiting(column), column)
    parts = (
        select(BlogCount.count).where(counted(kind), BlogCount.value == owner),
        select(change.c.change).where(change.c.value == owner),
    )
    stored, waits = (
        func.coalesce(part.correlate(owner.class_).scalar_subquery(), 0) for part in parts
    )
    return stored + waits


@cache
def counted_categories(*, inactive: bool) -> Select[BlogCategory]:
    """Select categories by name, each with the number of public posts in it.

    Only superusers may see `inactive` categories.
    """
    number = number_of(CountKind.CATEGORY, "category_id", BlogCategory.id)
    counted_ones = with_expression(BlogCategory.post_count, number)
    return queries.categories(inactive=inactive).options(counted_ones)
