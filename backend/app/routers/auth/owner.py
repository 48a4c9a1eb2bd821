"""Who changes what guards an account shows once more that it is theirs (ASVS 7.5.1)."""

from app.core.errors import Unauthenticated

from .models import LoginSession
from .security import verify_password
from .sessions import require_fresh


class InvalidCredentials(Unauthenticated):
    """Unknown name, wrong password, no password: from outside they all look the same."""

    code = "invalid_credentials"
    detail = "The user name or the password is wrong."


def require_owner(session: LoginSession, password: str | None) -> None:
    """By the password; where the account has none, by a recent sign-in.

    Raises `InvalidCredentials`, `SessionNotFresh`.
    """
    hashed = session.user.hashed_password
    if hashed is None:
        require_fresh(session)
    elif password is None or not verify_password(password, hashed)[0]:
        raise InvalidCredentials
