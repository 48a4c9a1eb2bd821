"""Second-factor rules: codes from an authenticator app, and recovery codes.

If a user has a second factor, a correct password or a sign-in with Google only opens a
challenge, which the user answers with a code. Every request that uses or changes a
user's codes locks the user's row first. So a code that is sent twice at the same time
is accepted only once (ASVS 6.5.1).
"""

from datetime import datetime
from types import MappingProxyType
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from cryptography.fernet import InvalidToken as Unreadable
from sqlalchemy import Row, delete, select, update
from sqlalchemy.engine import CursorResult
from sqlalchemy.orm import Session

from app.core.config import get_settings
from app.core.errors import Conflict, Unauthenticated
from app.core.keys import cipher
from app.core.logging import get_logger
from app.db import clock
from app.platform.mail import queue_mail
from app.routers.auth import queries
from app.routers.auth.credentials import one_time_tokens, security_events
from app.routers.auth.credentials.client import Client
from app.routers.auth.credentials.one_time_tokens import Purpose
from app.routers.auth.models import LoginSession, OneTimeToken, RecoveryCode, Totp, User
from app.routers.auth.schemas import EXAMPLE_TOKEN, Token
from app.routers.auth.sessions.login_sessions import lock_user, open_session
from app.routers.auth.sessions.reauthentication import require_owner

from . import recovery_codes, totp
from .key_rotation import PURPOSE, renew_encryption

MAX_TRIES = 5  # codes per challenge

log = get_logger(__name__)


class MfaRequired(Unauthenticated):
    """Signing in also requires a code. `mfa_token` names the challenge to answer.

    The transaction is committed despite the 401 response, so that the challenge is
    stored.
    """

    code = "mfa_required"
    detail = (
        "Send a code from your authenticator app, or a recovery code, together with this "
        "`mfa_token`."
    )
    commits = True
    extra = MappingProxyType(
        {
            "mfa_token": {
                "type": "string",
                "description": "Sent only with `mfa_required`. Valid for 5 minutes.",
                "examples": [EXAMPLE_TOKEN],
            }
        }
    )


class InvalidCode(Unauthenticated):
    """The code is wrong or used, or its challenge has ended.

    The transaction is committed even though the request is refused, so that the wrong
    code is counted.
    """

    code = "invalid_code"
    detail = (
        "This code is not valid. Send a newer one. After five wrong codes or five minutes, sign "
        "in again."
    )
    commits = True


class MfaAlreadyEnabled(Conflict):
    code = "mfa_already_enabled"
    detail = "A second factor is already set up. Turn it off before you set up another."


class MfaNotSetUp(Conflict):
    code = "mfa_not_set_up"
    detail = (
        "There is no second factor to confirm or to turn off. `POST /auth/mfa/totp` sets one up."
    )


class NewSecret(NamedTuple):
    """A secret for an authenticator app, and the QR code text that contains the
    secret.
    """

    secret: str
    otpauth_uri: str


def is_enabled(db: Session, user_id: int) -> bool:
    in_force = select(Totp.id).where(Totp.user_id == user_id, Totp.confirmed_at.is_not(None))
    return db.scalar(in_force) is not None


def set_up(db: Session, session: LoginSession, password: str | None, client: Client) -> NewSecret:
    """Create a secret, which takes effect once the user confirms it with a code.

    A secret that was never confirmed is replaced. Raises `InvalidCredentials`,
    `SessionNotFresh`, `MfaAlreadyEnabled`.
    """
    require_owner(session, password, client)
    user = session.user
    if is_enabled(db, user.id):
        raise MfaAlreadyEnabled
    remove_second_factor(db, user.id)
    secret = totp.new_secret()
    db.add(Totp(user_id=user.id, secret=cipher(PURPOSE).encrypt(secret.encode()).decode()))
    db.flush()
    return NewSecret(secret, totp.otpauth_uri(secret, _issuer(), user.email))


def confirm_second_factor(
    db: Session, session: LoginSession, code: str, client: Client
) -> list[str]:
    """Turn the second factor on, and return the recovery codes.

    This is the only time that the codes are shown. Raises `MfaNotSetUp`,
    `MfaAlreadyEnabled`, `InvalidCode`.
    """
    user = lock_user(db, session)
    found = _totp_of(db, user.id)
    if found is None:
        raise MfaNotSetUp
    row, at = found
    if row.confirmed_at:
        raise MfaAlreadyEnabled
    if not _is_next_code(row, code, at):
        raise InvalidCode
    row.confirmed_at = at
    codes = recovery_codes.issue_recovery_codes(db, user.id)
    security_events.record(db, "mfa_enabled", user.id, client)
    queue_mail(db, user.email, "auth/mfa_enabled", username=user.username)
    db.flush()
    return codes


def disable_second_factor(
    db: Session, session: LoginSession, password: str | None, code: str, client: Client
) -> None:
    """Turn the second factor off.

    Raises `InvalidCredentials`, `SessionNotFresh`, `MfaNotSetUp`, `InvalidCode`.
    """
    require_owner(session, password, client)
    user = session.user
    if not is_enabled(db, user.id):
        raise MfaNotSetUp
    if not _accept(db, user, code, client):
        raise InvalidCode
    remove_second_factor(db, user.id)
    one_time_tokens.revoke(db, user.id, Purpose.MFA)
    security_events.record(db, "mfa_disabled", user.id, client)
    queue_mail(db, user.email, "auth/mfa_disabled", username=user.username)


def remove_second_factor(db: Session, user_id: int) -> None:
    """Delete a user's secret and recovery codes.

    This happens when the account is deleted, when its second factor is turned off or
    set up again, and when someone takes over an unverified account by proving that they
    own its email address.
    """
    for table in (Totp, RecoveryCode):
        db.execute(delete(table).where(table.user_id == user_id))


def challenge_or_session(db: Session, user: User, client: Client) -> Token:
    """Open a session after the first factor, or raise `MfaRequired` with a challenge.

    A new challenge ends the user's older challenges.
    """
    if not is_enabled(db, user.id):
        return open_session(db, user, client)
    raise MfaRequired(
        members={"mfa_token": one_time_tokens.issue(db, Purpose.MFA, user_id=user.id)}
    )


def find_challenge(db: Session, mfa_token: str) -> OneTimeToken:
    """Return the challenge. Raises `InvalidCode` if it has ended or never existed."""
    try:
        return one_time_tokens.find_live_token(db, Purpose.MFA, mfa_token)
    except one_time_tokens.InvalidToken:
        raise InvalidCode from None


def answer_challenge(db: Session, challenge: OneTimeToken, code: str, client: Client) -> Token:
    """Open a session for a correct code.

    Raises `InvalidCode`. A challenge allows at most `MAX_TRIES` codes (ASVS 6.6.3).
    """
    # Lock the user's row before any other row, as sign-ins and password resets do.
    user = db.scalar(queries.locked_accounts(User.id == challenge.user_id, User.is_active))
    # The challenge may have ended while we waited for the lock. The attempt is counted
    # before the code is checked, so that every attempt counts.
    still_open = (OneTimeToken.used_at.is_(None), OneTimeToken.attempts < MAX_TRIES)
    counted = update(OneTimeToken).where(OneTimeToken.id == challenge.id, *still_open)
    if _rows(db, counted.values(attempts=OneTimeToken.attempts + 1)) != 1:
        raise InvalidCode
    if user is None or not _accept(db, user, code, client):
        _note_failure(db, challenge, user, client)
        raise InvalidCode
    challenge.used_at = clock.now()
    return open_session(db, user, client)


def _note_failure(db: Session, challenge: OneTimeToken, user: User | None, client: Client) -> None:
    """Record a wrong code, and email the owner if it was the last allowed code.

    Anyone who can send a code here knows the password. The owner should learn of the
    wrong codes before a guess succeeds (ASVS 6.3.5).
    """
    security_events.record(db, "mfa_failed", challenge.user_id, client)
    db.refresh(challenge)
    if user and challenge.attempts == MAX_TRIES:
        queue_mail(db, user.email, "auth/mfa_failed", username=user.username)


def require_code(db: Session, user: User, code: str, client: Client) -> None:
    """Use up a code of a user who is signed in. Raises `InvalidCode`."""
    if not _accept(db, user, code, client):
        security_events.record(db, "mfa_failed", user.id, client)
        raise InvalidCode


def is_guessable(code: str) -> bool:
    """Return whether the code is short enough to be guessed.

    A six-digit code can be guessed. A recovery code cannot be guessed, so the owner can
    still sign in with a recovery code while someone else is guessing codes.
    """
    return len(totp.normalise_code(code)) <= totp.DIGITS


def _accept(db: Session, user: User, code: str, client: Client) -> bool:
    """Return whether the code is valid for this user, and mark it as used."""
    found = _totp_of(db, user.id)
    if found is None:
        return False
    row, at = found
    if row.confirmed_at is None:
        return False
    return _is_next_code(row, code, at) or recovery_codes.use_recovery_code(db, user, code, client)


def _totp_of(db: Session, user_id: int) -> Row[Totp, datetime] | None:
    """Return the user's second factor and the database's time.

    Codes are compared with the database's time, because the clocks of our hosts may
    differ.
    """
    return db.execute(select(Totp, clock.now()).where(Totp.user_id == user_id)).first()


def _is_next_code(row: Totp, code: str, at: datetime) -> bool:
    """Return whether the code is correct and newer than the last accepted code (RFC
    6238, 5.2).
    """
    if (secret := read_secret(row)) is None:
        return False
    step = totp.step_of(secret, totp.normalise_code(code), at, after=row.last_step)
    if step is not None:
        row.last_step = step
        renew_encryption(row)
    return step is not None


def read_secret(row: Totp) -> str | None:
    """Return the secret, or `None` if neither of our keys can decrypt it.

    `None` means that SECRET_KEY was changed without keeping the old key: see
    docs/operating.md.
    """
    try:
        return cipher(PURPOSE).decrypt(row.secret).decode()
    except Unreadable:
        log.warning("totp_secret_unreadable", user_id=row.user_id)
        return None


def _issuer() -> str:
    """Return the name that the authenticator app shows: the host of the frontend."""
    return urlsplit(get_settings().frontend_url or "").hostname or "Liftoff"


def _rows(db: Session, statement: Any) -> int:
    result: CursorResult[Any] = db.execute(statement)  # type: ignore[assignment]
    return result.rowcount
