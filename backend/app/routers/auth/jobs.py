"""Auth jobs: work that follows a request, and purges of old rows."""

from datetime import timedelta
from typing import Any

from sqlalchemy.orm import Session

from app.platform.jobs import Again, job, recurring
from app.platform.purges import purge

from .accounts import erasure, own_account, registration
from .credentials import pending
from .models import Impersonation, LoginSession, OneTimeToken, SecurityEvent, User, UsernameHold
from .passwords import changing, lockouts
from .privacy import exporting, forgetting
from .sessions import impersonation

# How long ended sessions are kept. They tell `throttle.Guess` which addresses are
# familiar.
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


@job("auth.export_data", outside=True, failed=exporting.discard_export)
def export_data(db: Session, payload: dict[str, Any]) -> None:
    exporting.deliver_export(db, payload["user_id"], payload["object"])


@job("auth.delete_export", outside=True)
def delete_export(_db: Session, payload: dict[str, Any]) -> None:
    exporting.delete_export(payload["object"])


@job("auth.forget")
def forget(_db: Session, payload: dict[str, Any]) -> Again | None:
    """Erase the content of an account that an operator has deleted."""
    return None if forgetting.erase_content(payload["user_id"]) else Again(payload=payload)


@job("auth.erase_rest")
def erase_rest(_db: Session, payload: dict[str, Any]) -> Again | None:
    """Erase the data of a deleted account that the deleting request did not erase."""
    return None if erasure.erase_rest(payload["user_id"]) else Again(payload=payload)


@recurring("auth.close_impersonations", every=timedelta(minutes=1))
def close_impersonations(db: Session, _payload: dict[str, Any]) -> Again | None:
    """Record the end of impersonations that timed out, or whose staff signed out."""
    return Again() if impersonation.close_ended(db) == impersonation.AT_ONCE else None


purge(OneTimeToken.expires_at)
purge(UsernameHold.expires_at)
purge(LoginSession.ended_at, kept=SESSIONS_KEPT)
purge(LoginSession.expires_at, kept=SESSIONS_KEPT)
purge(Impersonation.ended_at, kept=EVENTS_KEPT)
purge(SecurityEvent.created_at, kept=EVENTS_KEPT)
purge(User.created_at, pending.is_unverified(), kept=pending.LIFE)
