"""The rules of passwords: forgotten, reset by a link, changed by their owner."""

from datetime import timedelta

from sqlalchemy import ColumnExpressionArgument
from sqlalchemy.orm import Session

from app.platform.jobs import enqueue
from app.platform.mail import queue_mail

from . import events, queries, takeover, throttle, tokens
from .models import LoginSession, User
from .owner import require_owner
from .schemas import PasswordChange, PasswordReset
from .security import hash_password
from .sessions import Client, end_sessions
from .tokens import LIFE, Purpose
from .weak_passwords import refuse_weak


def ask_for_link(db: Session, email: str, client: Client) -> None:
    """Have a link to a new password sent. The same work whether the address is known: a job looks (requirement 4)."""
    if throttle.may_ask(client.ip_address) and throttle.may_mail(email, "reset"):
        enqueue(db, "auth.forgot_password", {"email": email})


def send_link(db: Session, email: str) -> None:
    """Also to an address that was never verified, since opening the link verifies it."""
    user = find_owner(db, email)
    if user:
        mail_link(db, user, "auth/reset_password")


def mail_link(db: Session, user: User, template: str) -> None:
    """Send a link to a new password, by one of the mails that hold such a link. Older ones are dead from now on."""
    token = tokens.issue(db, Purpose.RESET_PASSWORD, user_id=user.id)
    life = LIFE[Purpose.RESET_PASSWORD]
    queue_mail(
        db,
        user.email,
        template,
        useful_for=life,
        to_stranger=not user.is_verified,
        username=user.username,
        link=tokens.link("reset-password", token),
        minutes=life // timedelta(minutes=1),
    )


def find_owner(db: Session, email: str, *conditions: ColumnExpressionArgument[bool]) -> User | None:
    """Who has this address, if not disabled. Locked: of two links that are made at once, the second ends the first."""
    return db.scalar(queries.locked(User.email == email, User.is_active, *conditions))


def reset(db: Session, data: PasswordReset, client: Client) -> None:
    """A new password for who opened the link: all sessions and all other links end, the second factor stays.

    The link came by mail, so the address is verified, too. Where it never was before, whoever made the account may have
    been a stranger: nothing of theirs stays, a second factor included. Raises `InvalidToken`, `WeakPassword`.
    """
    user = tokens.owner_of(db, tokens.redeem(db, Purpose.RESET_PASSWORD, data.token))
    _set(db, user, data.new_password)
    if not user.is_verified:
        takeover.expel(db, user.id)
        events.record(db, "email_verified", user.id, client)
    user.is_verified = True
    db.flush()
    end_sessions(db, user.id)
    events.record(db, "password_reset", user.id, client)
    throttle.forgive(client.ip_address, user.username, user.email)


def change(db: Session, session: LoginSession, data: PasswordChange, client: Client) -> None:
    """A new password; the user's other sessions end. Raises `InvalidCredentials`, `SessionNotFresh`, `WeakPassword`."""
    require_owner(session, data.current_password, client)
    _set(db, session.user, data.new_password)
    end_sessions(db, session.user_id, but=session)
    events.record(db, "password_changed", session.user_id, client, session_id=session.id)


def _set(db: Session, user: User, password: str) -> None:
    """Every link and challenge that was made under the old password is dead; the owner gets a notice."""
    refuse_weak(password, user.username, user.email, field="new_password")
    user.hashed_password = hash_password(password)
    # The row first: it is what a sign-in with the old password locks, so that none can slip in behind this.
    db.flush()
    tokens.revoke(db, user.id)
    queue_mail(db, user.email, "auth/password_changed", username=user.username)
