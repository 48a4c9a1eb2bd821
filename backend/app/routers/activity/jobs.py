"""Activity jobs: moving events to the timelines, and erasing them."""

from datetime import timedelta
from typing import Any

from sqlalchemy.orm import Session

from app.platform.jobs import LEASE, Again, job, recurring
from app.platform.purges import purge

from . import moving
from .events import KEPT
from .models import Activity


@recurring("activity.move", every=timedelta(seconds=30), outside=True)
def move_events(_db: Session, _payload: dict[str, Any]) -> Again | None:
    """Move events from the outbox to the timelines."""
    return None if moving.move_events() else Again()


@job("activity.erase", outside=True)
def erase_timeline(_db: Session, payload: dict[str, Any]) -> Again | None:
    """Erase the timeline of a deleted account.

    The job erases the timeline a second time after `2 * LEASE`, because another worker
    may have been moving an event of the account during the first erasure.
    """
    if not moving.erase_timeline(payload["user_id"]):
        return Again(payload=payload)
    return None if payload.get("again") else Again(2 * LEASE, payload | {"again": True})


purge(Activity.created_at, kept=KEPT)
