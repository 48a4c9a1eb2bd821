"""Password rules: resets by email, and changes by the owner."""

from datetime import timedelta

from sqlalchemy import ColumnExpressionArgument
from sqlalchemy.orm import Session

from app.platform.jobs import enqueue
from app.platform.mail import queue_mail
from app.routers.auth import queries, throttle
from app.routers.auth.credentials import one_time_tokens, security_events
from app.routers.auth.credentials.client import Client
from app.routers.auth.credentials.one_time_tokens import LIFE, Purpose
from app.routers.auth.models import LoginSession, User
from app.routers.auth.schemas import PasswordChange, PasswordReset
from app.routers.auth.security import hash_password
from app.routers.auth.sessions.login_sessions import end_sessions
from app.routers.auth.sessions.reauthentication import require_owner

from . import takeover
from .weak_passwords import refuse_weak


def ask_for_link(db: Session, email: str, client: Client) -> None:
    """Queue a job that emails a link to set a new password.

    The job looks up the account, so this request does the same work whether or not the
    address has an account.
    """
    if throttle.may_ask(client.ip_address) and throttle.may_mail(email, "reset"):
        enqueue(db, "auth.forgot_password", {"email": email})


def send_link(db: Session, email: str) -> None:
    """Email a link to set a new password, if the address has an account.

    An unverified account gets the email, too, because opening the link verifies the
    address.
    """
    user = find_owner(db, email)
    if user:
        mail_link(db, user, "auth/reset_password")


def mail_link(db: Session, user: User, template: str) -> None:
    """Email a link to set a new password, using this template.

    The user's older links stop working.
    """
    token = one_time_tokens.issue(db, Purpose.RESET_PASSWORD, user_id=user.id)
    life = LIFE[Purpose.RESET_PASSWORD]
    queue_mail(
        db,
        user.email,
        template,
        useful_for=life,
        to_stranger=not user.is_verified,
        username=user.username,
        link=one_time_tokens.link_with_token("reset-password", token),
        minutes=life // timedelta(minutes=1),
    )


def find_owner(db: Session, email: str, *conditions: ColumnExpressionArgument[bool]) -> User | None:
    """Lock and return the active account with this address, or return `None`.

    If two requests create links at the same time, the lock ensures that the second link
    revokes the first.
    """
    return db.scalar(queries.locked_accounts(User.email == email, User.is_active, *conditions))


def reset_password(db: Session, data: PasswordReset, client: Client) -> None:
    """Set a new password for the user who opened the link.

    All sessions end, and all other links stop working. The second factor stays.

    The link came by email, so it also verifies the address. If the address was
    unverified until now, a stranger may have created the account. Then everything that
    the stranger set up is removed, including a second factor. Raises `InvalidToken`,
    `WeakPassword`.
    """
    user = one_time_tokens.owner_of(
        db, one_time_tokens.redeem(db, Purpose.RESET_PASSWORD, data.token)
    )
    _set(db, user, data.new_password)
    if not user.is_verified:
        takeover.expel_stranger(db, user.id)
        security_events.record(db, "email_verified", user.id, client)
    user.is_verified = True
    db.flush()
    end_sessions(db, user.id)
    security_events.record(db, "password_reset", user.id, client)
    throttle.forgive_failed_sign_ins(client.ip_address, user.username, user.email)


def change_password(
    db: Session, session: LoginSession, data: PasswordChange, client: Client
) -> None:
    """Set a new password, and end the user's other sessions.

    Raises `InvalidCredentials`, `SessionNotFresh`, `WeakPassword`.
    """
    require_owner(session, data.current_password, client)
    _set(db, session.user, data.new_password)
    end_sessions(db, session.user_id, but=session)
    security_events.record(db, "password_changed", session.user_id, client, session_id=session.id)


def _set(db: Session, user: User, password: str) -> None:
    """Store a new password, and notify the owner.

    All older links and challenges are revoked.
    """
    refuse_weak(password, user.username, user.email, field="new_password")
    user.hashed_password = hash_password(password)
    # Write the row before revoking the tokens. A sign-in with the old password locks
    # this row, so the sign-in waits for the change, and is then refused.
    db.flush()
    one_time_tokens.revoke(db, user.id)
    queue_mail(db, user.email, "auth/password_changed", username=user.username)
