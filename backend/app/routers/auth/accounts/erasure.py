"""Erasure of a deleted account's sessions, and of the IP addresses in its events.

An account may have a very large number of sessions or events. The request erases enough
for almost every account. A job erases the rest.
"""

from collections.abc import Sequence

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from app.db.batches import delete_in_batches, in_batches
from app.db.database import WorkerSession
from app.platform.jobs import enqueue
from app.routers.auth.models import LoginSession, SecurityEvent

AT_ONCE = 1_000  # rows per table that the request erases, newest first


def erase_account_traces(db: Session, user_id: int) -> None:
    """Delete the user's sessions, and remove the IP addresses from their security
    events.

    An IP address is personal data. The rest of an event is not, because it identifies
    the account only by number.
    """
    db.flush()
    sessions = select(LoginSession.id).where(LoginSession.user_id == user_id)
    session_ids = db.scalars(sessions.order_by(LoginSession.id.desc()).limit(AT_ONCE)).all()
    events = select(SecurityEvent.id).where(SecurityEvent.user_id == user_id)
    newest = (SecurityEvent.created_at.desc(), SecurityEvent.id.desc())
    event_ids = db.scalars(events.order_by(*newest).limit(AT_ONCE)).all()
    db.execute(delete(LoginSession).where(LoginSession.id.in_(session_ids)))
    _forget_addresses(db, event_ids)
    if AT_ONCE in (len(session_ids), len(event_ids)):
        enqueue(db, "auth.erase_rest", {"user_id": user_id})


def erase_rest(user_id: int) -> bool:
    """Erase the data that the request did not erase. Return whether everything is now
    erased.

    Each batch is a separate transaction.
    """
    sessions = delete_in_batches(WorkerSession, LoginSession, LoginSession.user_id == user_id)
    theirs = (SecurityEvent.user_id == user_id, SecurityEvent.ip_address != "")
    events = in_batches(
        WorkerSession, _forget_addresses, SecurityEvent, *theirs, by=SecurityEvent.created_at
    )
    return sessions.finished and events.finished


def _forget_addresses(db: Session, event_ids: Sequence[int]) -> None:
    db.execute(update(SecurityEvent).where(SecurityEvent.id.in_(event_ids)).values(ip_address=""))
