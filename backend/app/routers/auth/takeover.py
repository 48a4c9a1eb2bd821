"""An account whose address was never proved may be a stranger's who was quicker than its owner (ASVS 6.8.1)."""

from sqlalchemy import delete
from sqlalchemy.orm import Session

from . import mfa, tokens
from .models import Identity
from .sessions import end_sessions


def expel(db: Session, user_id: int) -> None:
    """Nothing that the stranger may have left lets anybody in: links, codes, second factor, identities, sessions.

    Its owner's new password, or that there is none, comes first, and is flushed: the row is what a sign-in with the old
    one waits for.
    """
    tokens.revoke(db, user_id)
    mfa.remove(db, user_id)
    db.execute(delete(Identity).where(Identity.user_id == user_id))
    end_sessions(db, user_id)
