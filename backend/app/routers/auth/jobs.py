"""Auth jobs: work that follows a request, and purges of old rows."""

from datetime import timedelta
from typing import Any

from sqlalchemy.orm import Session

from app.platform.jobs import Again, job
from app.platform.purges import purge

from .accounts import erasure, own_account, registration
from .credentials import pending
from .models import LoginSession, OneTimeToken, SecurityEvent, User, UsernameHold
from .passwords import changing, lockouts

# How long ended sessions are kept. Their addresses tell `throttle.Guess` which
# addresses are familiar.
SESSIONS_KEPT = timedelta(days=30)
# a year, plus time to investigate something that happened a year ago
EVENTS_KEPT = timedelta(days=400)


@job("auth.registered")
def greet(db: Session, payload: dict[str, Any]) -> None:
    registration.send_registration_email(db, payload["email"])


@job("auth.resend_verification")
def send_link_again(db: Session, payload: dict[str, Any]) -> None:
    registration.send_link_again(db, payload["email"])


@job("auth.forgot_password")
def send_reset_link(db: Session, payload: dict[str, Any]) -> None:
    changing.send_link(db, payload["email"])


@job("auth.change_email")
def send_email_change(db: Session, payload: dict[str, Any]) -> None:
    own_account.send_email_change(db, payload["session_id"], payload["new_email"])


@job("auth.account_locked")
def warn_of_lock(db: Session, payload: dict[str, Any]) -> None:
    lockouts.warn_owner(db, payload["user_id"])


@job("auth.erase_rest")
def erase_rest(_db: Session, payload: dict[str, Any]) -> Again | None:
    """Erase what the request that deleted an account could not erase in time."""
    return None if erasure.erase_rest(payload["user_id"]) else Again(payload=payload)


purge(OneTimeToken.expires_at)
purge(UsernameHold.expires_at)
purge(LoginSession.ended_at, kept=SESSIONS_KEPT)
purge(LoginSession.expires_at, kept=SESSIONS_KEPT)
purge(SecurityEvent.created_at, kept=EVENTS_KEPT)
purge(User.created_at, pending.is_unverified(), kept=pending.LIFE)
