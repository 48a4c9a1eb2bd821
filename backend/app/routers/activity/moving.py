"""Moves events from the outbox to the timelines, and erases timelines."""

import time

from sqlalchemy import delete, select

from app.db.batches import delete_in_batches
from app.db.database import WorkerSession
from app.platform.models import ActivityEntry

from .events import Event
from .stores import store_of

BATCH = 500
BUDGET = 2.0  # seconds per run, because the thread has other work, too


def move_events() -> bool:
    """Move the oldest events to the store. Return whether the outbox is empty.

    No transaction is open while the store adds the events, because the store may be
    another database. If the process dies before the outbox is cleared, the same events
    are added again, and the store recognises them by their ids. The job does not
    remember its position, because a slower transaction may later commit entries with
    smaller ids.
    """
    began = time.monotonic()
    while time.monotonic() - began < BUDGET:
        with WorkerSession() as reading:
            oldest = select(ActivityEntry).order_by(ActivityEntry.id).limit(BATCH)
            events = [Event.of(row) for row in reading.scalars(oldest)]
        if not events:
            return True
        with WorkerSession() as own, own.begin():
            store_of(own).add(events)
            done = ActivityEntry.id.in_([event.id for event in events])
            own.execute(delete(ActivityEntry).where(done))
        if len(events) < BATCH:
            return True
    return False


def erase_timeline(user_id: int) -> bool:
    """Erase everything about a user. Return whether everything is now erased.

    The outbox comes first, because an event can move from the outbox to the store, but
    not back.
    """
    entries = delete_in_batches(WorkerSession, ActivityEntry, ActivityEntry.user_id == user_id)
    with WorkerSession() as db:
        return store_of(db).erase(user_id) and entries.finished
