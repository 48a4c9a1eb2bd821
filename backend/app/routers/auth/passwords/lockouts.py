"""Records and emails about accounts locked by strangers' wrong passwords.

Each lock produces one event and one email, whose link lets the owner sign in.
"""

from datetime import timedelta

from sqlalchemy import ColumnElement, and_, func, select
from sqlalchemy.orm import Session

from app.db import clock
from app.platform.jobs import enqueue
from app.platform.limits import loggable_key_part
from app.routers.auth import queries, throttle
from app.routers.auth.credentials import security_events
from app.routers.auth.credentials.client import Client
from app.routers.auth.models import SecurityEvent, User

from . import changing

# The period in which a lock is recorded once. Wrong passwords from strangers are
# counted for the same period (`throttle.SIEGE`), so a longer attack still counts as one
# lock.
AGAIN = timedelta(days=1)
MAILED = "lock_out_mailed"


def record_lockout(db: Session, guess: throttle.Guess, user_id: int, client: Client) -> None:
    """Record that an account is locked, once per lock.

    For a name without an account, `user_id` is 0, and the same statements run.
    """
    if not guess.locks_account():
        return
    # The `rate_limited` log record has the same digest. The digest does not reveal the
    # name, but equal names have equal digests.
    facts = {"what": "account", "name": loggable_key_part(guess.name)}
    noted = and_(
        SecurityEvent.kind == "locked_out", SecurityEvent.facts == security_events.as_text(facts)
    )
    if not _is_newest(db, user_id, noted):
        security_events.record(db, "locked_out", user_id or None, client, **facts)
        enqueue(db, "auth.account_locked", {"user_id": user_id})


def warn_owner(db: Session, user_id: int) -> None:
    """Email the owner a link that unlocks the account.

    Only one email is sent, even if both the username and the email of the account are
    locked.
    """
    user = db.scalar(queries.locked_accounts(User.id == user_id, User.is_active, User.is_verified))
    mailed = and_(SecurityEvent.kind == MAILED, SecurityEvent.user_id == user_id)
    if user and not _is_newest(db, user_id, mailed):
        changing.mail_link(db, user, "auth/account_locked")
        security_events.record(db, MAILED, user_id)


def _is_newest(db: Session, user_id: int, which: ColumnElement[bool]) -> bool:
    """Return whether a matching event is recent and newer than every password reset.

    An event is recent if it was recorded at most `AGAIN` (a day) ago. A password reset
    ends a lock. There may be a very large number of events in a day, so this function
    uses two statements, each of which can use an index.
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
