"""Takeover of an account by the owner of its address.

If the address was never verified, a stranger may have created the account before the
owner came (ASVS 6.8.1).
"""

from sqlalchemy import delete
from sqlalchemy.orm import Session

from . import mfa, tokens
from .models import Identity
from .sessions import end_sessions


def expel(db: Session, user_id: int) -> None:
    """Remove everything by which the stranger could come back.

    That is links, codes, the second factor, identities and sessions. The caller first
    sets and flushes the owner's new password, or that there is none. A sign-in with the
    old password waits for that row.
    """
    tokens.revoke(db, user_id)
    mfa.remove(db, user_id)
    db.execute(delete(Identity).where(Identity.user_id == user_id))
    end_sessions(db, user_id)
