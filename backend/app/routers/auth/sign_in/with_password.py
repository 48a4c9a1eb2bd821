"""Sign-in with a username or an email, and a password."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core.networks import limiter_key
from app.core.text import canonical_email, folded_username
from app.routers.auth import queries, throttle
from app.routers.auth.credentials import pending, security_events
from app.routers.auth.credentials.client import Client
from app.routers.auth.errors import AccountDisabled, EmailNotVerified
from app.routers.auth.mfa import second_factor
from app.routers.auth.models import LoginSession, User
from app.routers.auth.passwords import lockouts
from app.routers.auth.schemas import Login, Token
from app.routers.auth.security import verify_password
from app.routers.auth.sessions.reauthentication import InvalidCredentials

# The number of an account's newest sessions that are searched for familiar addresses.
MANY_SESSIONS = 200


def login_name(login: str) -> str:
    """Return the canonical form of a typed username or email.

    The result is empty if no account can have this name.
    """
    try:
        return canonical_email(login) if "@" in login else folded_username(login)
    except ValueError:
        return ""


def find_by_login(db: Session, login: str) -> tuple[User | None, bool]:
    """Return the account with this name, and whether it is waiting to be verified.

    The name is a username or an email address. Upper and lower case are the same.
    Expired registrations are ignored.
    """
    name = login_name(login)
    column = User.email if "@" in name else User.username
    found = db.execute(
        select(User, pending.waits_for_verification()).where(
            column == name, ~pending.is_abandoned()
        )
    ).first()
    return (found[0], found[1]) if found else (None, False)


def sign_in(db: Session, data: Login, client: Client) -> Token:
    """Open a session for a correct password.

    Only a client that sends the correct password is told that the account is disabled
    or unverified. The work is the same whether or not the account exists: two
    statements and two password checks. Only a successful sign-in skips the second
    check. A username hold gets an unverified account's response, and never a session.
    Raises `InvalidCredentials`, `EmailNotVerified`, `AccountDisabled`, `MfaRequired`,
    `TooManyRequests`.
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
    # The row is locked and read again here, because the password was compared without a
    # lock. A comparison takes 20 ms or more. If a lock were held for that long, anyone
    # guessing an account's password could keep its owner waiting. Without the second
    # read, a thief who knows the old password could keep a way in:
    #
    #   sign-in of the thief                 password reset by the owner
    #   reads the row with the old hash
    #                                        locks the row, stores a new hash,
    #                                        ends all sessions, commits
    #   compares the old password: correct
    #   opens a session, which nobody ends
    #
    # A reset must end all sessions (ASVS 7.4.3). A reset locks the same row first. If
    # the reset is first, this read waits and finds another hash. If this read is first,
    # the reset waits, and then ends the session that is opened below.
    locked = queries.locked_accounts(User.id == user.id, User.is_active, User.is_verified)
    if db.scalar(locked) is None or user.hashed_password != checked:
        raise InvalidCredentials
    if replacement:
        user.hashed_password = replacement
    return second_factor.challenge_or_session(db, user, client)


def _note_failure(db: Session, guess: throttle.Guess, user: User | None, client: Client) -> None:
    user_id = user.id if user else None
    security_events.record(db, "login_failed", user_id, client)
    try:
        guess.failed()
        if guess.locks_address():
            security_events.record(db, "locked_out", user_id, client, what="address")
    finally:
        lockouts.record_lockout(db, guess, user_id or 0, client)


def _guess(db: Session, user: User | None, name: str, client: Client) -> throttle.Guess:
    def familiar() -> bool:
        """Return whether the user has signed in from this address before.

        The same statement runs for a name without an account. So the response time does
        not reveal whether the account exists.
        """
        mine = select(LoginSession.ip_address).where(
            LoginSession.user_id == (user.id if user else 0)
        )
        recent = mine.order_by(LoginSession.id.desc()).limit(MANY_SESSIONS)
        return limiter_key(client.ip_address) in {
            limiter_key(known) for known in db.scalars(recent)
        }

    return throttle.Guess(name, client.ip_address, familiar)
