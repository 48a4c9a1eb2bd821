"""Work that follows a request, and what comes again."""

from datetime import timedelta
from typing import Any

from sqlalchemy import delete, or_
from sqlalchemy.orm import Session

from app.db import clock
from app.platform.jobs import job, recurring

from . import accounts, lockouts, passwords, pending, registration
from .models import LoginSession, OneTimeToken, SecurityEvent, User, UsernameHold

SESSIONS_KEPT = timedelta(days=30)  # after their end: from where somebody signed in counts for `throttle.Guess`
EVENTS_KEPT = timedelta(days=400)  # a year, and the time to notice that something happened a year ago


@job("auth.registered")
def greet(db: Session, payload: dict[str, Any]) -> None:
    registration.greet(db, payload["email"])


@job("auth.resend_verification")
def send_link_again(db: Session, payload: dict[str, Any]) -> None:
    registration.send_link_again(db, payload["email"])


@job("auth.forgot_password")
def send_reset_link(db: Session, payload: dict[str, Any]) -> None:
    passwords.send_link(db, payload["email"])


@job("auth.change_email")
def send_email_change(db: Session, payload: dict[str, Any]) -> None:
    accounts.send_email_change(db, payload["session_id"], payload["new_email"])


@job("auth.account_locked")
def warn_of_lock(db: Session, payload: dict[str, Any]) -> None:
    lockouts.warn(db, payload["user_id"])


@recurring("auth.purge", every=timedelta(hours=1))
def purge(db: Session, _payload: dict[str, Any]) -> None:
    """Delete what has run out: links, sessions, held user names, registrations nobody finished, old events."""
    long_over = clock.now(-SESSIONS_KEPT)
    for what in (
        delete(OneTimeToken).where(OneTimeToken.expires_at < clock.now()),
        delete(UsernameHold).where(UsernameHold.expires_at < clock.now()),
        delete(LoginSession).where(or_(LoginSession.ended_at < long_over, LoginSession.expires_at < long_over)),
        delete(SecurityEvent).where(SecurityEvent.created_at < clock.now(-EVENTS_KEPT)),
        delete(User).where(pending.abandoned()),
    ):
        db.execute(what.execution_options(synchronize_session=False))
