"""What follows when strangers have locked an account: one row, and one mail that lets its owner in (requirement 5)."""

from datetime import timedelta

from sqlalchemy import ColumnElement, and_, func, select
from sqlalchemy.orm import Session

from app.db import clock
from app.platform.jobs import enqueue
from app.platform.limits import loggable

from . import events, passwords, queries, throttle
from .models import SecurityEvent, User
from .sessions import Client

AGAIN = timedelta(days=1)  # as long as strangers' tries count (`throttle.SIEGE`): one that goes on is the same
MAILED = "lock_out_mailed"


def note(db: Session, guess: throttle.Guess, user_id: int, client: Client) -> None:
    """Once for a lock, by as many statements for nobody's account, whose `user_id` is 0."""
    if not guess.locks_account():
        return
    # The mark is that of `rate_limited` in the log: it tells no name, and which are of one.
    facts = {"what": "account", "name": loggable(guess.name)}
    noted = and_(SecurityEvent.kind == "locked_out", SecurityEvent.facts == events.as_text(facts))
    if not _is_newest(db, user_id, noted):
        events.record(db, "locked_out", user_id or None, client, **facts)
        enqueue(db, "auth.account_locked", {"user_id": user_id})


def warn(db: Session, user_id: int) -> None:
    """Mail the owner. The link in it opens the account again. Once, though it has two names to be locked under."""
    user = db.scalar(queries.locked(User.id == user_id, User.is_active, User.is_verified))
    mailed = and_(SecurityEvent.kind == MAILED, SecurityEvent.user_id == user_id)
    if user and not _is_newest(db, user_id, mailed):
        passwords.mail_link(db, user, "auth/account_locked")
        events.record(db, MAILED, user_id)


def _is_newest(db: Session, user_id: int, which: ColumnElement[bool]) -> bool:
    """Whether there is such an event of late, and no reset since, which ends a lock.

    In two statements: each has an index, and of everything that happens in a day there may be very much.
    """
    ended = and_(SecurityEvent.kind == "password_reset", SecurityEvent.user_id == user_id)
    newest, reset = (
        db.scalar(select(func.max(SecurityEvent.id)).where(SecurityEvent.created_at > clock.now(-AGAIN), event))
        for event in (which, ended)
    )
    return newest is not None and newest > (reset or 0)
