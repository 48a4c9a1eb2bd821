"""Who changes what guards an account shows once more that it is theirs (ASVS 7.5.1)."""

from sqlalchemy.orm import object_session

from app.core.errors import Unauthenticated
from app.core.logging import security_event

from . import throttle
from .models import LoginSession
from .security import verify_password
from .sessions import require_fresh


class InvalidCredentials(Unauthenticated):
    """Unknown name, wrong password, no password: from outside they all look the same."""

    code = "invalid_credentials"
    commits = True  # the try was counted and noted
    detail = "The user name or the password is wrong."


def require_owner(session: LoginSession, password: str | None) -> None:
    """By the password; where the account has none, by a recent sign-in.

    A stolen session does not open the way to guess: it has ten tries in 15 minutes.
    Raises `InvalidCredentials`, `SessionNotFresh`, `TooManyRequests`.
    """
    hashed = session.user.hashed_password
    if hashed is None:
        require_fresh(session)
        return
    throttle.OWNER_AGAIN.test(str(session.id))
    if password is None or not verify_password(password, hashed)[0]:
        security_event("password_refused", user_id=session.user_id, session_id=session.id)
        throttle.OWNER_AGAIN.hit(str(session.id))
        raise InvalidCredentials
    _require_unchanged(session, hashed)


def _require_unchanged(session: LoginSession, hashed: str) -> None:
    """Locked and read again: a reset that ran while we hashed has ended this session and that password."""
    db = object_session(session)
    assert db
    db.refresh(session.user, with_for_update={"key_share": True})
    db.refresh(session, ["ended_at"])
    if session.user.hashed_password != hashed or session.ended_at is not None:
        raise InvalidCredentials
