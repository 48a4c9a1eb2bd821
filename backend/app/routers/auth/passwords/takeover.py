"""Takeover of an account by the owner of its address.

If the address was never verified, a stranger may have created the account before the
owner came (ASVS 6.8.1).
"""

from sqlalchemy import delete
from sqlalchemy.orm import Session

from app.routers.auth.credentials import one_time_tokens
from app.routers.auth.mfa import second_factor
from app.routers.auth.models import Identity
from app.routers.auth.sessions.login_sessions import end_sessions


def expel(db: Session, user_id: int) -> None:
    """Remove everything by which the stranger could come back.

    That is links, codes, the second factor, identities and sessions. The caller first
    sets and flushes the owner's new password, or that there is none. A sign-in with the
    old password waits for that row.
    """
    one_time_tokens.revoke(db, user_id)
    second_factor.remove(db, user_id)
    db.execute(delete(Identity).where(Identity.user_id == user_id))
    end_sessions(db, user_id)
