"""The rules of accounts, and every query they need."""

from datetime import timedelta

from sqlalchemy import delete, exists, select
from sqlalchemy.orm import Session

from app.core.errors import Conflict, Forbidden
from app.core.logging import security_event
from app.core.text import canonical_email, canonical_username, folded_username
from app.core.types import now
from app.db.errors import conflicts

from . import mfa
from .models import User, UsernameHold
from .owner import InvalidCredentials
from .schemas import Login, Me, Registration, Token
from .security import hash_password, refuse_weak, verify_password
from .sessions import Client

HOLD_LIFE = timedelta(hours=24)


class UsernameTaken(Conflict):
    """User names are public, so this may be told."""

    code = "username_taken"


class EmailNotVerified(Forbidden):
    code = "email_not_verified"
    detail = "Open the link in the mail that we sent you first."


class AccountDisabled(Forbidden):
    code = "account_disabled"
    detail = "This account is disabled."


class SuperuserOnly(Forbidden):
    code = "superuser_only"


def register(db: Session, data: Registration) -> None:
    """Make an account that waits for its address to be verified. Whether the address was taken is not told.

    Raises `UsernameTaken`, `WeakPassword`.
    """
    refuse_weak(data.password, data.username, data.email.partition("@")[0])
    hashed = hash_password(data.password)  # for a taken address, too: both cases take the same time
    db.execute(delete(UsernameHold).where(UsernameHold.expires_at < now()))
    held = exists().where(UsernameHold.username == data.username)
    if db.scalar(select(held | exists().where(User.username == data.username))):
        raise UsernameTaken
    try:
        with db.begin_nested(), conflicts({"uq_users_username": UsernameTaken, "uq_users_email": _AddressTaken}):
            db.add(User(username=data.username, email=data.email, hashed_password=hashed))
            db.flush()
    except _AddressTaken:
        with conflicts({"uq_username_holds_username": UsernameTaken}):
            db.add(UsernameHold(username=data.username, expires_at=now() + HOLD_LIFE))
            db.flush()


class _AddressTaken(Conflict):
    """Never leaves this module: nobody is told."""


def login_name(login: str) -> str:
    """The one form of a user name or e-mail address that somebody signs in with; empty where no account can have it."""
    try:
        return canonical_email(login) if "@" in login else folded_username(login)
    except ValueError:
        return ""


def find_by_login(db: Session, login: str) -> User | None:
    """By user name or e-mail address, however it is spelled."""
    name = login_name(login)
    column = User.email if "@" in name else User.username
    return db.scalar(select(User).where(column == name)) if name else None


def sign_in(db: Session, data: Login, client: Client) -> Token:
    """A new session and its first token. What is wrong with an account is told only to who knows its password.

    Raises `InvalidCredentials`, `EmailNotVerified`, `AccountDisabled`, `MfaRequired`.
    """
    user = find_by_login(db, data.username)
    fits, replacement = verify_password(data.password, user.hashed_password if user else None)
    if user is None or not fits:
        security_event("login_failed", user_id=user.id if user else None, ip_address=client.ip_address)
        raise InvalidCredentials
    if not user.is_active:
        raise AccountDisabled
    if not user.is_verified:
        raise EmailNotVerified
    if replacement:
        user.hashed_password = replacement
    return mfa.challenge_or_session(db, user, client)


def describe(db: Session, user: User) -> Me:
    return Me(
        id=user.id,
        username=user.username,
        email=user.email,
        is_verified=user.is_verified,
        is_superuser=user.is_superuser,
        has_password=user.hashed_password is not None,
        has_google=False,
        has_mfa=mfa.is_enabled(db, user.id),
        created_at=user.created_at,
    )


def make_superuser(db: Session, *, email: str, username: str, password: str | None) -> User:
    """Promote the account with this address, or make one with this password, verified.

    Raises `ValueError` for a name, address or password that no account could have, `UsernameTaken`.
    """
    email = canonical_email(email)
    user = db.scalar(select(User).where(User.email == email))
    if user is None:
        if password is None:
            raise ValueError("A new account needs a password")
        username = canonical_username(username)
        refuse_weak(password, username)
        user = User(username=username, email=email, hashed_password=hash_password(password))
        db.add(user)
    user.is_superuser = user.is_verified = user.is_active = True
    with conflicts({"uq_users_username": UsernameTaken}):
        db.flush()
    return user
