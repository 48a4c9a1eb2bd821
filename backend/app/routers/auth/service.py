"""The rules of accounts, and every query they need."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core.config import get_settings
from app.core.errors import Conflict, Forbidden
from app.core.networks import limiter_key
from app.core.text import canonical_email, canonical_username, folded_username
from app.db.errors import conflicts

from . import events, lockouts, mfa, pending, queries, takeover, throttle
from .models import Identity, LoginSession, User
from .owner import InvalidCredentials
from .schemas import Login, Me, Token
from .security import hash_password, verify_password
from .sessions import Client
from .weak_passwords import refuse_weak

MANY_SESSIONS = 200  # as many of an account's sessions are looked at for addresses that are familiar


class UsernameTaken(Conflict):
    """User names are public, so this may be told."""

    code = "username_taken"
    detail = "Somebody has this user name. Choose another."


class EmailNotVerified(Forbidden):
    code = "email_not_verified"
    detail = "Open the link in the mail that we sent you first."


class AccountDisabled(Forbidden):
    code = "account_disabled"
    detail = "This account is disabled."


class SuperuserOnly(Forbidden):
    code = "superuser_only"
    detail = "Only a superuser may do this."


def login_name(login: str) -> str:
    """The one form of a user name or e-mail address that somebody signs in with; empty where no account can have it."""
    try:
        return canonical_email(login) if "@" in login else folded_username(login)
    except ValueError:
        return ""


def find_by_login(db: Session, login: str) -> tuple[User | None, bool]:
    """By user name or e-mail address, however it is spelled, and whether it waits for its address to be verified.

    Not: who registered and never came back.
    """
    name = login_name(login)
    column = User.email if "@" in name else User.username
    found = db.execute(select(User, pending.waits()).where(column == name, ~pending.abandoned())).first()
    return (found[0], found[1]) if found else (None, False)


def sign_in(db: Session, data: Login, client: Client) -> Token:
    """A new session and its first token. What is wrong with an account is told only to who knows its password.

    Two statements and two passwords to compare, whoever has the name; only who comes in is spared the second. A hold
    answers as an account that waits, and opens nothing.
    Raises `InvalidCredentials`, `EmailNotVerified`, `AccountDisabled`, `MfaRequired`, `TooManyRequests`.
    """
    name = login_name(data.username)
    (user, came_first), hold = find_by_login(db, name), pending.find_hold(db, name)
    guess = _guess(db, user, name, client)
    guess.admit()
    checked = user.hashed_password if user else None
    fits, replacement = verify_password(data.password, checked)
    if user is None or not (fits and user.is_verified):
        of_hold = hold.hashed_password if hold and not came_first else None
        if verify_password(data.password, of_hold)[0]:
            raise EmailNotVerified
    if user is None or not fits:
        _note_failure(db, guess, user, client)
        raise InvalidCredentials
    if not user.is_active:
        raise AccountDisabled
    if not user.is_verified:
        raise EmailNotVerified
    # Locked and read again: while we hashed, a reset may have ended all sessions, and this one must not outlive it.
    locked = db.scalar(queries.locked(User.id == user.id, User.is_active, User.is_verified))
    if locked is None or user.hashed_password != checked:
        raise InvalidCredentials
    if replacement:
        user.hashed_password = replacement
    return mfa.challenge_or_session(db, user, client)


def _note_failure(db: Session, guess: throttle.Guess, user: User | None, client: Client) -> None:
    user_id = user.id if user else None
    events.record(db, "login_failed", user_id, client)
    try:
        guess.failed()
        if guess.locks_address():
            events.record(db, "locked_out", user_id, client, what="address")
    finally:
        lockouts.note(db, guess, user_id or 0, client)


def _guess(db: Session, user: User | None, name: str, client: Client) -> throttle.Guess:
    def familiar() -> bool:
        """The same statement for nobody's account, so that its time tells nothing."""
        mine = select(LoginSession.ip_address).where(LoginSession.user_id == (user.id if user else 0))
        recent = mine.order_by(LoginSession.id.desc()).limit(MANY_SESSIONS)
        return limiter_key(client.ip_address) in {limiter_key(known) for known in db.scalars(recent)}

    return throttle.Guess(name, client.ip_address, familiar)


def describe(db: Session, user: User) -> Me:
    return Me(
        id=user.id,
        username=user.username,
        email=user.email,
        is_verified=user.is_verified,
        is_superuser=user.is_superuser,
        has_password=user.hashed_password is not None,
        has_google=has_google(db, user.id),
        has_mfa=mfa.is_enabled(db, user.id),
        created_at=user.created_at,
    )


def has_google(db: Session, user_id: int) -> bool:
    """Whether Google, as it is configured now, vouches for this user."""
    mine = select(Identity.id).where(Identity.user_id == user_id, Identity.issuer == get_settings().google_issuer)
    return db.scalar(mine) is not None


def make_superuser(db: Session, *, email: str, username: str, password: str | None) -> User:
    """Promote the account with this address, or make one with this password, verified.

    An account whose address was never proved may be a stranger's who was quicker: it gets this password, and nothing
    that the stranger had opens it any more. Raises `ValueError` for a name, address or password that no account could
    have, for one that is missing or not wanted, and `UsernameTaken`.
    """
    email = canonical_email(email)
    user = db.scalar(queries.locked(User.email == email))
    if user is not None and user.is_verified:
        if password is not None:
            raise ValueError("This account has a password of its own: leave yours out")
    elif password is None:
        raise ValueError("An account that is new, or never proved its address, needs a password")
    else:
        username = canonical_username(username)
        refuse_weak(password, username, email)
        user = user or User(username=username, email=email)
        db.add(user)
        user.hashed_password = hash_password(password)
        with conflicts({"uq_users_username": UsernameTaken}):
            db.flush()
        takeover.expel(db, user.id)
    user.is_superuser = user.is_verified = user.is_active = True
    db.flush()
    return user
