"""Reads a timeline.

The newest events may still be in the outbox, and a user expects to see what they have
just done. So each read takes the events in the outbox first, and then the events in the
store. If an event moves between the two steps, it is found twice with the same id, but
never missed.
"""

from collections import Counter
from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core.pagination import Page, PageQuery
from app.db import clock
from app.platform.models import ActivityEntry
from app.routers.auth.models import User

from .events import Event, Store, Wanted, words_of
from .schemas import ActivityCount, ActivityFilters, ActivityRead

WAITING = 1_000  # maximum number of a user's newest outbox events that a read takes
ORDER = "-id"


def read_timeline(
    db: Session, store: Store, user: User, filters: ActivityFilters, page: PageQuery
) -> Page[ActivityRead]:
    """Return a page of the user's timeline, newest first. Raises `InvalidCursor`."""
    before = page.decode([int], ORDER)[0] if page.cursor else None
    words = None if filters.q is None else words_of(filters.q)
    wanted = Wanted(filters.kind, words, before)
    waiting = [event for event in _waiting(db, user) if wanted.matches(event)]
    stored = store.newest(user.id, wanted, page.limit + 1)
    found = sorted({event.id: event for event in (*stored, *waiting)}.values(), key=_newest_first)
    shown, has_more = found[: page.limit], len(found) > page.limit
    return Page(
        items=[ActivityRead.model_validate(event) for event in shown],
        total=None,
        offset=None,
        limit=page.limit,
        has_more=has_more,
        next_cursor=page.encode([shown[-1].id], ORDER) if has_more else None,
    )


def count_events(db: Session, store: Store, user: User, days: int) -> list[ActivityCount]:
    """Count the user's events per day and kind, newest day first.

    `days` includes the current day in UTC.
    """
    today = clock.read_database_time(db).replace(hour=0, minute=0, second=0, microsecond=0)
    since = today - timedelta(days=days - 1)
    waiting = [event for event in _waiting(db, user) if event.created_at >= since]
    counts = Counter(store.counts(user.id, since, [event.id for event in waiting]))
    counts.update((event.created_at.date(), event.kind) for event in waiting)
    ordered = sorted(counts.items(), key=lambda item: (-item[0][0].toordinal(), item[0][1]))
    return [ActivityCount(day=day, kind=kind, count=count) for (day, kind), count in ordered]


def _waiting(db: Session, user: User) -> list[Event]:
    theirs = select(ActivityEntry).where(ActivityEntry.user_id == user.id)
    newest = theirs.order_by(ActivityEntry.id.desc()).limit(WAITING)
    return [Event.of(row) for row in db.scalars(newest)]


def _newest_first(event: Event) -> int:
    return -event.id
