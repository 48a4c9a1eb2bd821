"""Routes of passwords: forgotten, reset, changed. The rules are in `passwords`."""

from fastapi import status

from app.core.errors import TooManyRequests, raises
from app.db.database import db_dependency
from app.platform.routing import SMALL_BODY, Router, answers_alike, never_limited

from . import passwords
from .dependencies import CallingClient, CurrentSession, HashingSlot
from .owner import InvalidCredentials
from .schemas import EmailOnly, Message, PasswordChange, PasswordReset
from .security import SignInBusy
from .sessions import SessionNotFresh
from .tokens import InvalidToken
from .weak_passwords import WeakPassword

IF_KNOWN = "If an account has this address, a link for choosing a new password is on its way."

router = Router(prefix="/password", body_limit=SMALL_BODY)


@router.post("/forgot", status_code=status.HTTP_202_ACCEPTED)
@answers_alike
def forgot_password(db: db_dependency, client: CallingClient, data: EmailOnly) -> Message:
    """Request a link for choosing a new password.

    The response is always the same, and always takes as long.
    """
    passwords.ask_for_link(db, data.email, client)
    return Message(message=IF_KNOWN)


@router.post("/reset", status_code=status.HTTP_204_NO_CONTENT, dependencies=[HashingSlot])
@raises(InvalidToken, WeakPassword, SignInBusy)
def reset_password(db: db_dependency, client: CallingClient, data: PasswordReset) -> None:
    """Set a new password with the token from the link in the email.

    All sessions end. The link works once.
    """
    passwords.reset(db, data, client)


@router.post("/change", status_code=status.HTTP_204_NO_CONTENT, dependencies=[HashingSlot])
@raises(InvalidCredentials, SessionNotFresh, WeakPassword, TooManyRequests, SignInBusy)
@never_limited
def change_password(db: db_dependency, session: CurrentSession, client: CallingClient, data: PasswordChange) -> None:
    """Set a new password. All other sessions end."""
    passwords.change(db, session, data, client)
