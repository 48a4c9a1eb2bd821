"""Changes to the counters. Only one transaction at a time changes counters."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from sqlalchemy import and_, delete, insert, or_, select, update
from sqlalchemy.orm import Session

from app.db.locks import wait_for_turn
from app.routers.blog.models import BlogCount, BlogCountState, BlogUncounted, CountKind

Key = tuple[CountKind, int]


class Place(NamedTuple):
    """The author, category and month under which a post is counted."""

    author_id: int
    category_id: int | None
    month: int


def lock_counters(db: Session) -> None:
    """Lock the counters until this transaction ends.

    A transaction that also locks posts must lock the posts first. Otherwise two
    transactions could wait for each other.
    """
    wait_for_turn(db, BlogCount.kind, "counters")


def keys_of(place: Place) -> list[Key]:
    """Return the keys of the counters that include a post in this place."""
    keys = [(CountKind.TOTAL, 0), (CountKind.AUTHOR, place.author_id)]
    if place.category_id is not None:
        keys.append((CountKind.CATEGORY, place.category_id))
    return [*keys, (CountKind.MONTH, place.month)]


def sums_of(places: Iterable[tuple[Place, int]]) -> Counter[Key]:
    """Return the change of each counter, given the change of the number of posts in
    each place.
    """
    sums: Counter[Key] = Counter()
    for place, number in places:
        for key in keys_of(place):
            sums[key] += number
    return sums


def add(db: Session, round_: int, changes: Mapping[Key, int]) -> None:
    """Add these changes to the counters of a round (see `recounting`).

    The caller must have locked the counters.

    This takes three statements, because the databases have no common form of an upsert.
    """
    wanted = {key: change for key, change in changes.items() if change}
    if not wanted:
        return
    by_kind: dict[CountKind, list[int]] = {}
    for kind, value in wanted:
        by_kind.setdefault(kind, []).append(value)
    named = or_(
        *(and_(BlogCount.kind == kind, BlogCount.value.in_(ids)) for kind, ids in by_kind.items())
    )
    stored = BlogCount.count.label("stored")
    connection = db.connection()
    found = select(BlogCount.id, BlogCount.kind, BlogCount.value, stored)
    rows = connection.execute(found.where(BlogCount.round == round_, named)).all()
    if rows:
        connection.execute(delete(BlogCount).where(BlogCount.id.in_([row.id for row in rows])))
    for row in rows:
        wanted[CountKind(row.kind), row.value] += row.stored
    written = [
        {"round": round_, "kind": kind, "value": value, "count": count}
        for (kind, value), count in sorted(wanted.items())
        if count
    ]
    if written:
        connection.execute(insert(BlogCount), written)


def forget_category(db: Session, category_id: int) -> None:
    """Remove the counters of a category that this transaction has deleted.

    The posts of the category stay counted, without a category. The deletion has waited
    for every transaction that had locked one of these posts. So no running transaction
    can count a post in this category.
    """
    lock_counters(db)
    connection = db.connection()
    of_category = (BlogCount.kind == CountKind.CATEGORY, BlogCount.value == category_id)
    connection.execute(delete(BlogCount).where(*of_category))
    noted = BlogUncounted.category_id == category_id
    connection.execute(update(BlogUncounted).where(noted).values(category_id=None))


def state_of(db: Session) -> BlogCountState:
    """Return the state of the counters. The caller must have locked the counters."""
    state = db.scalar(
        select(BlogCountState)
        .where(BlogCountState.id == 1)
        .execution_options(populate_existing=True)
    )
    return state or BlogCountState(shown_round=0, next_round=None, position=0)
