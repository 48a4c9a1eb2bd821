"""The personal data in a user's timeline."""

from collections.abc import Iterator
from dataclasses import asdict

from sqlalchemy import select

from app.db.database import WorkerSession
from app.platform.models import ActivityEntry
from app.platform.personal_data import Part, Record

from .events import Event, Wanted
from .stores import store_of

PAGE = 500


def export(user_id: int) -> Iterator[Part]:
    """Yield the events of the user, first those that are still in the outbox."""
    yield "events", _events(user_id)


def erase(_user_id: int) -> bool:
    """Return true, because the deletion of the account queues the erasure."""
    return True


def _events(user_id: int) -> Iterator[Record]:
    theirs = select(ActivityEntry).where(ActivityEntry.user_id == user_id)
    with WorkerSession() as db:
        waiting = [Event.of(row) for row in db.scalars(theirs.order_by(ActivityEntry.id.desc()))]
    yield from map(asdict, waiting)
    known = {event.id for event in waiting}
    before: int | None = None
    while True:
        with WorkerSession() as db:
            page = store_of(db).newest(user_id, Wanted(before=before), PAGE)
        yield from (asdict(event) for event in page if event.id not in known)
        if len(page) < PAGE:
            return
        before = page[-1].id
