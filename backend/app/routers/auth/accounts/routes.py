"""Account routes: registration, verification, changes, deletion.

The rules and queries are in the modules that these routes call.
"""

from fastapi import Depends, Response, status

from app.core.errors import TooManyRequests, raises
from app.db.database import db_dependency
from app.platform.cache.routes import cached_for_caller
from app.platform.routing import SMALL_BODY, Router, answers_alike
from app.routers.auth import errors, service
from app.routers.auth.credentials.one_time_tokens import InvalidToken
from app.routers.auth.dependencies import CallingClient, CurrentSession, CurrentUser, HashingSlot
from app.routers.auth.hooks import SubscriptionActive
from app.routers.auth.passwords.weak_passwords import WeakPassword
from app.routers.auth.schemas import (
    AccountDeletion,
    EmailChange,
    EmailOnly,
    Me,
    Message,
    Registration,
    TokenOnly,
    UsernameChange,
)
from app.routers.auth.security import SignInBusy
from app.routers.auth.sessions import cookies
from app.routers.auth.sessions.login_sessions import SessionNotFresh
from app.routers.auth.sessions.reauthentication import InvalidCredentials
from app.routers.auth.sessions.remembered import IDENTITY
from app.routers.auth.throttle import REGISTRATIONS

from . import own_account, registration

LOOK = "Check your inbox. We have sent you a link."
IF_KNOWN = "If an account with this address is waiting to be verified, a new link is on its way."

router = Router(body_limit=SMALL_BODY)


@router.post(
    "/register",
    status_code=status.HTTP_202_ACCEPTED,
    dependencies=[HashingSlot, Depends(REGISTRATIONS)],
)
@raises(errors.UsernameTaken, WeakPassword, SignInBusy)
def register(db: db_dependency, data: Registration) -> Message:
    """Register an account.

    The response is the same whether the address is new or already has an account. The
    owner of the address gets an email.
    """
    registration.register(db, data)
    return Message(message=LOOK)


@router.post("/verify-email", status_code=status.HTTP_204_NO_CONTENT)
@raises(InvalidToken)
def verify_email(db: db_dependency, client: CallingClient, data: TokenOnly) -> None:
    """Verify an account's email address with the token from the emailed link.

    The token works once.
    """
    registration.verify_email(db, data.token, client)


@router.post("/verify-email/resend", status_code=status.HTTP_202_ACCEPTED)
@answers_alike
def resend_verification(db: db_dependency, client: CallingClient, data: EmailOnly) -> Message:
    """Email the verification link again.

    The response is always the same. Older links stop working once the new link is sent.
    """
    registration.ask_for_link(db, data.email, client)
    return Message(message=IF_KNOWN)


@router.get("/me")
@cached_for_caller(IDENTITY)
def read_me(db: db_dependency, user: CurrentUser) -> Me:
    """Read the caller's account."""
    return service.describe_account(db, user)


@router.patch("/me")
@raises(errors.UsernameTaken)
def update_me(
    db: db_dependency, session: CurrentSession, client: CallingClient, data: UsernameChange
) -> Me:
    """Change the caller's username."""
    return service.describe_account(db, own_account.update_account(db, session, data, client))


@router.post("/email-change", status_code=status.HTTP_202_ACCEPTED, dependencies=[HashingSlot])
@raises(InvalidCredentials, SessionNotFresh, TooManyRequests, SignInBusy)
def change_email(
    db: db_dependency, session: CurrentSession, client: CallingClient, data: EmailChange
) -> Message:
    """Ask for a different email address.

    The account keeps its current address until the link that was emailed to the new
    address is opened.
    """
    own_account.ask_for_email_change(db, session, data, client)
    return Message(message=LOOK)


@router.post("/email-change/confirm", status_code=status.HTTP_204_NO_CONTENT)
@raises(InvalidToken, own_account.EmailTaken)
def confirm_email_change(db: db_dependency, client: CallingClient, data: TokenOnly) -> None:
    """Switch the account to its new address, with the token from the emailed link.

    The old address is notified.
    """
    own_account.confirm_email_change(db, data.token, client)


@router.post("/delete-account", status_code=status.HTTP_204_NO_CONTENT, dependencies=[HashingSlot])
@raises(InvalidCredentials, SessionNotFresh, SubscriptionActive, TooManyRequests, SignInBusy)
def delete_account(
    db: db_dependency,
    response: Response,
    session: CurrentSession,
    client: CallingClient,
    data: AccountDeletion | None = None,
) -> None:
    """Delete the account.

    Content that the account published stays, without an author name. A deleted account
    cannot be restored.
    """
    own_account.delete_account(db, session, data.password if data else None, client)
    cookies.forget_refresh_cookie(response)
