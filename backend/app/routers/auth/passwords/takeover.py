"""Takeover of an unverified account by the owner of its email address.

A stranger may have created the account with an address that is not theirs (ASVS 6.8.1).
"""

from sqlalchemy import delete
from sqlalchemy.orm import Session

from app.routers.auth.credentials import one_time_tokens
from app.routers.auth.mfa import second_factor
from app.routers.auth.models import Identity
from app.routers.auth.sessions.login_sessions import end_sessions


def expel_stranger(db: Session, user_id: int) -> None:
    """Remove everything with which the stranger could sign in again.

    This covers links, codes, the second factor, identities and sessions. Before calling
    this, replace or remove the stranger's password, and flush. A sign-in with the old
    password then waits for the user's row, and is refused.
    """
    one_time_tokens.revoke(db, user_id)
    second_factor.remove_second_factor(db, user_id)
    db.execute(delete(Identity).where(Identity.user_id == user_id))
    end_sessions(db, user_id)
