"""Routes of an account's life: made, verified, changed, deleted. No rule and no query here."""

from fastapi import Depends, Response, status

from app.core.errors import TooManyRequests, raises
from app.db.database import db_dependency
from app.platform.routing import SMALL_BODY, Router, answers_alike

from . import accounts, cookies, registration, service
from .dependencies import CallingClient, CurrentSession, CurrentUser, HashingSlot
from .hooks import SubscriptionActive
from .owner import InvalidCredentials
from .schemas import AccountDeletion, EmailChange, EmailOnly, Me, Message, Registration, TokenOnly, UsernameChange
from .security import SignInBusy
from .sessions import SessionNotFresh
from .throttle import REGISTRATIONS
from .tokens import InvalidToken
from .weak_passwords import WeakPassword

LOOK = "Check your inbox. We have sent you a link."
IF_KNOWN = "If an account with this address is waiting to be verified, a new link is on its way."

router = Router(body_limit=SMALL_BODY)


@router.post("/register", status_code=status.HTTP_202_ACCEPTED, dependencies=[HashingSlot, Depends(REGISTRATIONS)])
@raises(service.UsernameTaken, WeakPassword, SignInBusy)
def register(db: db_dependency, data: Registration) -> Message:
    """Make an account. The answer is the same whether the address is new or known: its owner gets a mail."""
    registration.register(db, data)
    return Message(message=LOOK)


@router.post("/verify-email", status_code=status.HTTP_204_NO_CONTENT)
@raises(InvalidToken)
def verify_email(db: db_dependency, client: CallingClient, data: TokenOnly) -> None:
    """Open the account with the token of the link in the mail. It works once."""
    registration.verify_email(db, data.token, client)


@router.post("/verify-email/resend", status_code=status.HTTP_202_ACCEPTED)
@answers_alike
def resend_verification(db: db_dependency, client: CallingClient, data: EmailOnly) -> Message:
    """Send the link again. The answer is always the same; an older link is dead once the new one is sent."""
    registration.ask_for_link(db, data.email, client)
    return Message(message=IF_KNOWN)


@router.get("/me")
def read_me(db: db_dependency, user: CurrentUser) -> Me:
    """Read the account of the caller."""
    return service.describe(db, user)


@router.patch("/me")
@raises(service.UsernameTaken)
def update_me(db: db_dependency, session: CurrentSession, client: CallingClient, data: UsernameChange) -> Me:
    """Change the user name of the caller."""
    return service.describe(db, accounts.update_account(db, session, data, client))


@router.post("/email-change", status_code=status.HTTP_202_ACCEPTED, dependencies=[HashingSlot])
@raises(InvalidCredentials, SessionNotFresh, TooManyRequests, SignInBusy)
def change_email(db: db_dependency, session: CurrentSession, client: CallingClient, data: EmailChange) -> Message:
    """Ask for another address. The old one stays until the link in the mail to the new one is opened."""
    accounts.ask_for_email_change(db, session, data, client)
    return Message(message=LOOK)


@router.post("/email-change/confirm", status_code=status.HTTP_204_NO_CONTENT)
@raises(InvalidToken, accounts.EmailTaken)
def confirm_email_change(db: db_dependency, client: CallingClient, data: TokenOnly) -> None:
    """Put the new address in force with the token of the link in the mail. The old address is told."""
    accounts.confirm_email_change(db, data.token, client)


@router.post("/delete-account", status_code=status.HTTP_204_NO_CONTENT, dependencies=[HashingSlot])
@raises(InvalidCredentials, SessionNotFresh, SubscriptionActive, TooManyRequests, SignInBusy)
def delete_account(
    db: db_dependency,
    response: Response,
    session: CurrentSession,
    client: CallingClient,
    data: AccountDeletion | None = None,
) -> None:
    """Delete the account. What it has published stays, without a name; nothing can bring the account back."""
    accounts.delete_account(db, session, data.password if data else None, client)
    cookies.forget(response)
