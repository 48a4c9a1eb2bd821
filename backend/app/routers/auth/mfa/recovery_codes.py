"""Recovery codes, with which a user can sign in after losing the authenticator app."""

import hashlib
import secrets
from base64 import b32encode
from typing import Any

from sqlalchemy import CursorResult, func, select, update
from sqlalchemy.orm import Session

from app.db import clock
from app.platform.mail import queue_mail
from app.routers.auth.credentials import security_events
from app.routers.auth.credentials.client import Client
from app.routers.auth.models import RecoveryCode, User

from .totp import normalise_code

COUNT = 10
BYTES = 15  # 120 bits; with at least 112 bits, an unsalted hash is enough (ASVS 6.5.2)


def issue_recovery_codes(db: Session, user_id: int) -> list[str]:
    """Create and return a user's recovery codes. Only digests are stored."""
    codes = [_new_code() for _ in range(COUNT)]
    db.add_all(RecoveryCode(user_id=user_id, digest=code_digest(code)) for code in codes)
    return codes


def use_recovery_code(db: Session, user: User, code: str, client: Client) -> bool:
    """Mark a recovery code as used. Return whether the code belonged to the user and
    was unused.
    """
    mine = (RecoveryCode.user_id == user.id, RecoveryCode.used_at.is_(None))
    this = update(RecoveryCode).where(*mine, RecoveryCode.digest == code_digest(code))
    used: CursorResult[Any] = db.execute(this.values(used_at=clock.now()))  # type: ignore[assignment]
    if used.rowcount != 1:
        return False
    left = db.scalar(select(func.count()).select_from(RecoveryCode).where(*mine)) or 0
    security_events.record(db, "recovery_code_used", user.id, client, left=left)
    queue_mail(db, user.email, "auth/recovery_code_used", username=user.username, left=left)
    return True


def code_digest(code: str) -> str:
    """Return the digest that is stored instead of a code.

    A code has more than 112 bits, so an unsalted hash is enough (ASVS 6.5.2).
    """
    return hashlib.sha256(
        f"recovery code:{normalise_code(code)}".encode("utf-8", "replace")
    ).hexdigest()


def _new_code() -> str:
    letters = b32encode(secrets.token_bytes(BYTES)).decode()
    return "-".join(letters[start : start + 4] for start in range(0, len(letters), 4))
