"""Tokens that work once: emailed links, codes in redirects, sign-in challenges.

A token is 256 random bits. The database holds only its hash, which includes the
purpose. So a hash read from the database cannot be used as a token, and a token is
refused for any other purpose (ASVS 6.5.2, RFC 8725 3.11).
"""

import hashlib
import json
import secrets
from datetime import timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import delete, select, update
from sqlalchemy.engine import CursorResult
from sqlalchemy.orm import Session

from app.core.config import get_settings
from app.core.errors import BadRequest
from app.db import clock
from app.routers.auth import queries
from app.routers.auth.models import OneTimeToken, User


class Purpose(StrEnum):
    """The purpose for which a one-time token was issued. The token is refused for any
    other purpose.
    """

    VERIFY_EMAIL = "verify email"
    RESET_PASSWORD = "reset password"  # noqa: S105 - a purpose, no password
    CHANGE_EMAIL = "change email"
    DATA_EXPORT = "data export"
    MFA = "mfa challenge"
    GOOGLE_STATE = "google state"
    GOOGLE_EXCHANGE = "google exchange"
    IMPERSONATION = "impersonation"


LIFE = {
    Purpose.VERIFY_EMAIL: timedelta(hours=24),
    Purpose.RESET_PASSWORD: timedelta(hours=1),
    Purpose.CHANGE_EMAIL: timedelta(hours=1),
    Purpose.DATA_EXPORT: timedelta(hours=24),
    Purpose.MFA: timedelta(minutes=5),
    Purpose.GOOGLE_STATE: timedelta(minutes=10),
    Purpose.GOOGLE_EXCHANGE: timedelta(seconds=60),
    Purpose.IMPERSONATION: timedelta(minutes=5),
}


class InvalidToken(BadRequest):
    """The token is unknown, used, expired, replaced, or made for another purpose.

    The response is the same in all five cases.
    """

    code = "invalid_token"
    detail = "This link or code is no longer valid. Ask for a new one."


def issue(
    db: Session,
    purpose: Purpose,
    *,
    user_id: int | None = None,
    data: dict[str, Any] | None = None,
    replaces: bool = True,
) -> str:
    """Create a token and return it.

    The user's older tokens for this purpose are revoked, unless `replaces` is false.
    """
    if user_id is not None and replaces:
        revoke(db, user_id, purpose)
    token = secrets.token_urlsafe(32)
    db.add(
        OneTimeToken(
            digest=_digest(purpose, token),
            purpose=purpose,
            user_id=user_id,
            data=json.dumps(data or {}),
            created_at=clock.now(),
            expires_at=clock.now(LIFE[purpose]),
        )
    )
    db.flush()
    return token


def find_live_token(db: Session, purpose: Purpose, token: str) -> OneTimeToken:
    """Return a valid token's row without using the token. Raises `InvalidToken`."""
    live = (OneTimeToken.used_at.is_(None), OneTimeToken.expires_at > clock.now())
    row = db.scalar(
        select(OneTimeToken).where(OneTimeToken.digest == _digest(purpose, token), *live)
    )
    if row is None:
        raise InvalidToken
    return row


def redeem(db: Session, purpose: Purpose, token: str) -> OneTimeToken:
    """Mark a token as used and return its row. Raises `InvalidToken`.

    If several requests redeem the same token at the same time, exactly one succeeds
    (ASVS 15.4.2). The user's row is locked before the token's row, because a sign-in
    uses that order. In the opposite order, this request and a sign-in could deadlock.
    """
    row = find_live_token(db, purpose, token)
    if row.user_id is not None:
        db.scalar(queries.locked_accounts(User.id == row.user_id))
    unused = update(OneTimeToken).where(OneTimeToken.id == row.id, OneTimeToken.used_at.is_(None))
    used: CursorResult[Any] = db.execute(unused.values(used_at=clock.now()))  # type: ignore[assignment]
    if used.rowcount != 1:
        raise InvalidToken
    return row


def owner_of(db: Session, row: OneTimeToken) -> User:
    """Lock and return the owner of the token. Raises `InvalidToken` if the account is
    disabled or deleted.
    """
    user = db.scalar(queries.locked_accounts(User.id == row.user_id, User.is_active))
    if user is None:
        raise InvalidToken
    return user


def data_of(row: OneTimeToken) -> dict[str, Any]:
    """Return the data that `issue` stored with this token."""
    data: dict[str, Any] = json.loads(row.data)
    return data


def revoke(db: Session, user_id: int, *purposes: Purpose) -> None:
    """Revoke a user's tokens for these purposes, or all their tokens if no purpose is
    given.
    """
    theirs = delete(OneTimeToken).where(OneTimeToken.user_id == user_id)
    db.execute(theirs.where(OneTimeToken.purpose.in_(purposes)) if purposes else theirs)


def link_with_token(page: str, token: str) -> str:
    """Return the URL of a frontend page with a token in its query, for an email.

    The base URL comes from the settings, never from a request.
    """
    return f"{get_settings().frontend_url}/{page}?token={token}"


def _digest(purpose: Purpose, token: str) -> str:
    return hashlib.sha256(f"{purpose}:{token}".encode("utf-8", "replace")).hexdigest()
