"""Actions of staff on an account: disable it, verify it, and let its owner back in.

Every function locks the account first, as a sign-in does.
"""

from sqlalchemy.orm import Session

from app.core.errors import Conflict
from app.core.networks import limiter_key, site_key
from app.platform.mail import queue_mail
from app.routers.auth import queries, throttle
from app.routers.auth.credentials import one_time_tokens, security_events
from app.routers.auth.credentials.one_time_tokens import Purpose
from app.routers.auth.mfa import second_factor
from app.routers.auth.models import User
from app.routers.auth.passwords import changing
from app.routers.auth.sessions.login_sessions import end_every_session, end_sessions


class AccountGone(Conflict):
    """The account was deleted."""

    code = "account_gone"
    detail = "This account was deleted, so there is nothing left to change."


class OwnAccount(Conflict):
    """Staff may not do this to their own account."""

    code = "own_account"
    detail = "Ask another member of staff to do this to your account."


def disable_account(db: Session, user_id: int, *, by: int) -> None:
    """Disable an account and end its sessions. Raises `AccountGone`, `OwnAccount`."""
    user = _of_another(db, user_id, by)
    user.is_active = False
    db.flush()
    end_sessions(db, user.id)
    one_time_tokens.revoke(db, user.id)
    security_events.record(db, "account_disabled", user.id, by=by)


def enable_account(db: Session, user_id: int, *, by: int) -> None:
    """Let a disabled account sign in again. Raises `AccountGone`."""
    user = _locked(db, user_id)
    user.is_active = True
    db.flush()
    security_events.record(db, "account_enabled", user.id, by=by)


def verify_account(db: Session, user_id: int, *, by: int) -> None:
    """Mark the address of an account as verified. Raises `AccountGone`."""
    user = _locked(db, user_id)
    user.is_verified = True
    db.flush()
    security_events.record(db, "email_verified", user.id, by=by)


def sign_out_account(db: Session, user_id: int, *, by: int) -> None:
    """End all sessions of an account. Raises `AccountGone`."""
    user = _locked(db, user_id)
    end_every_session(db, user.id)
    security_events.record(db, "sessions_ended", user.id, by=by)


def reset_second_factor(db: Session, user_id: int, *, by: int) -> None:
    """Turn off the second factor of a user who has lost it, and tell the user by email.

    All sessions end. Raises `AccountGone`, `OwnAccount`.
    """
    user = _of_another(db, user_id, by)
    second_factor.remove_second_factor(db, user.id)
    one_time_tokens.revoke(db, user.id, Purpose.MFA)
    end_sessions(db, user.id)
    security_events.record(db, "mfa_disabled", user.id, by=by)
    queue_mail(db, user.email, "auth/mfa_disabled", username=user.username)


def mail_password_link(db: Session, user_id: int) -> None:
    """Email the owner a link to set a new password. Raises `AccountGone`."""
    changing.mail_link(db, _locked(db, user_id), "auth/reset_password")


def forgive_account(db: Session, user_id: int) -> None:
    """Clear the counts of wrong passwords and wrong codes that limit this account.

    Raises `AccountGone`.
    """
    user = _locked(db, user_id)
    for name in (user.username, user.email):
        for limit in (throttle.STRANGERS, throttle.SIEGE, throttle.SIEGE_NOTED):
            limit.clear(name)
    throttle.WRONG_CODES.clear(f"user:{user.id}")


def forgive_address(ip_address: str, *names: str) -> None:
    """Clear the counts that block an address, including its counts for these names."""
    address, site = limiter_key(ip_address), site_key(ip_address)
    for limit in (throttle.REGISTRATIONS, throttle.MAILS_ASKED_FOR, throttle.WRONG_CODES_HERE):
        limit.clear(ip_address)
    throttle.ANY_ACCOUNT.clear(address)
    throttle.ANY_ACCOUNT_SITE.clear(site)
    for name in names:
        throttle.SAME_ACCOUNT.clear(address, name)
        throttle.SAME_ACCOUNT_SITE.clear(site, name)
        throttle.ONE_TRY.clear(address, name)


def _locked(db: Session, user_id: int) -> User:
    user = db.scalar(queries.locked_accounts(User.id == user_id))
    if user is None or user.is_deleted:
        raise AccountGone
    return user


def _of_another(db: Session, user_id: int, by: int) -> User:
    if user_id == by:
        raise OwnAccount
    return _locked(db, user_id)
