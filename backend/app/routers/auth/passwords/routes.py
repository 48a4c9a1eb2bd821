"""Password routes: forgot, reset, change. The rules are in `changing`."""

from fastapi import status

from app.core.errors import TooManyRequests, raises
from app.db.database import db_dependency
from app.platform.routing import SMALL_BODY, Router, answers_alike, never_limited
from app.routers.auth.credentials.one_time_tokens import InvalidToken
from app.routers.auth.dependencies import CallingClient, CurrentSession, HashingSlot
from app.routers.auth.schemas import EmailOnly, Message, PasswordChange, PasswordReset
from app.routers.auth.security import SignInBusy
from app.routers.auth.sessions.login_sessions import SessionNotFresh
from app.routers.auth.sessions.reauthentication import InvalidCredentials

from . import changing
from .weak_passwords import WeakPassword

IF_KNOWN = "If an account has this address, a link for choosing a new password is on its way."

router = Router(prefix="/password", body_limit=SMALL_BODY)


@router.post("/forgot", status_code=status.HTTP_202_ACCEPTED)
@answers_alike
def forgot_password(db: db_dependency, client: CallingClient, data: EmailOnly) -> Message:
    """Request a link to set a new password.

    The response and its timing are the same whether or not the address has an account.
    """
    changing.ask_for_link(db, data.email, client)
    return Message(message=IF_KNOWN)


@router.post("/reset", status_code=status.HTTP_204_NO_CONTENT, dependencies=[HashingSlot])
@raises(InvalidToken, WeakPassword, SignInBusy)
def reset_password(db: db_dependency, client: CallingClient, data: PasswordReset) -> None:
    """Set a new password with the token from the emailed link.

    All sessions end. The link works once.
    """
    changing.reset_password(db, data, client)


@router.post("/change", status_code=status.HTTP_204_NO_CONTENT, dependencies=[HashingSlot])
@raises(InvalidCredentials, SessionNotFresh, WeakPassword, TooManyRequests, SignInBusy)
@never_limited
def change_password(
    db: db_dependency, session: CurrentSession, client: CallingClient, data: PasswordChange
) -> None:
    """Set a new password. All other sessions end."""
    changing.change_password(db, session, data, client)
