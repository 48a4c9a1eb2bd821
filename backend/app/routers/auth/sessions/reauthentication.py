"""Re-authentication, required to change an account's protection (ASVS 7.5.1)."""

from sqlalchemy.orm import object_session

from app.core.errors import Unauthenticated
from app.routers.auth import throttle
from app.routers.auth.credentials import security_events
from app.routers.auth.credentials.client import Client
from app.routers.auth.models import LoginSession
from app.routers.auth.security import verify_password

from .login_sessions import lock_user, require_fresh


class InvalidCredentials(Unauthenticated):
    """The name is unknown, the password is wrong, or the account has no password.

    The response is the same in all three cases.
    """

    code = "invalid_credentials"
    commits = True  # the failed attempt has been counted and recorded
    detail = "The username or the password is wrong."


def require_owner(
    session: LoginSession, password: str | None, client: Client | None = None
) -> None:
    """Re-authenticate the user of this session, and lock the user's row.

    The user proves ownership with the password. If the account has no password, the
    sign-in must be recent instead. A session allows ten wrong passwords in 15 minutes,
    so someone who stole the session cannot keep guessing. Raises `InvalidCredentials`,
    `SessionNotFresh`, `TooManyRequests`, `Unauthenticated`.
    """
    db = object_session(session)
    assert db
    hashed = session.user.hashed_password
    if hashed is None:
        require_fresh(db, session)
    else:
        throttle.OWNER_AGAIN.test(f"session:{session.id}")
        if password is None or not verify_password(password, hashed)[0]:
            security_events.record(
                db, "password_refused", session.user_id, client, session_id=session.id
            )
            throttle.OWNER_AGAIN.hit(f"session:{session.id}")
            raise InvalidCredentials
    # If a password reset ran while we were checking the password, this session has
    # ended and the stored password has changed.
    if lock_user(db, session).hashed_password != hashed:
        raise InvalidCredentials
