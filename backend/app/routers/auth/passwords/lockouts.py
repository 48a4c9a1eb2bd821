"""The consequences of a lock that strangers have caused (requirement 5).

A lock leaves one row, and one email whose link lets the owner in.
"""

from datetime import timedelta

from sqlalchemy import ColumnElement, and_, func, select
from sqlalchemy.orm import Session

from app.db import clock
from app.platform.jobs import enqueue
from app.platform.limits import loggable
from app.routers.auth import queries, throttle
from app.routers.auth.credentials import security_events
from app.routers.auth.credentials.client import Client
from app.routers.auth.models import SecurityEvent, User

from . import changing

# Tries of strangers count for as long (`throttle.SIEGE`). A siege that goes on counts
# as the same one.
AGAIN = timedelta(days=1)
MAILED = "lock_out_mailed"


def note(db: Session, guess: throttle.Guess, user_id: int, client: Client) -> None:
    """Record a lock once.

    For a name without an account, `user_id` is 0 and the number of statements is the
    same.
    """
    if not guess.locks_account():
        return
    # The mark is the one that `rate_limited` has in the log. It does not reveal the
    # name, but equal names have equal marks.
    facts = {"what": "account", "name": loggable(guess.name)}
    noted = and_(
        SecurityEvent.kind == "locked_out", SecurityEvent.facts == security_events.as_text(facts)
    )
    if not _is_newest(db, user_id, noted):
        security_events.record(db, "locked_out", user_id or None, client, **facts)
        enqueue(db, "auth.account_locked", {"user_id": user_id})


def warn(db: Session, user_id: int) -> None:
    """Email the owner a link that opens the account again.

    Only one email is sent, even if the account is locked twice: under its username and
    under its email.
    """
    user = db.scalar(queries.locked(User.id == user_id, User.is_active, User.is_verified))
    mailed = and_(SecurityEvent.kind == MAILED, SecurityEvent.user_id == user_id)
    if user and not _is_newest(db, user_id, mailed):
        changing.mail_link(db, user, "auth/account_locked")
        security_events.record(db, MAILED, user_id)


def _is_newest(db: Session, user_id: int, which: ColumnElement[bool]) -> bool:
    """Return whether there is such a recent event and no later reset.

    A reset ends a lock. Two statements are used, because each of them has an index.
    There may be very many events in a day.
    """
    ended = and_(SecurityEvent.kind == "password_reset", SecurityEvent.user_id == user_id)
    newest, reset = (
        db.scalar(
            select(func.max(SecurityEvent.id)).where(
                SecurityEvent.created_at > clock.now(-AGAIN), event
            )
        )
        for event in (which, ended)
    )
    return newest is not None and newest > (reset or 0)
