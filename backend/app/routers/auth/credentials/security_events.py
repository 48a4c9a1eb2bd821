"""Security events: a log record for monitoring, and a row for administrators."""

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING

from sqlalchemy.orm import Session

from app.core.logging import security_event
from app.platform import activity
from app.platform.activity import Kind
from app.routers.auth.models import SecurityEvent

if TYPE_CHECKING:
    from .client import Client


# Events that are logged at level info, because the user gave the right password, link
# or code. Events that remove a protection are not listed, so they are logged as
# warnings.
ROUTINE = {
    *("login", "email_verified", "username_changed", "password_changed", "password_reset"),
    *("email_change_asked", "email_changed", "mfa_enabled", "google_linked", "account_deleted"),
}

# Events that the owner also sees in the timeline of the account. The timeline contains
# no IP address.
SHOWN = {
    "login": (Kind.SIGN_IN, "You signed in."),
    "username_changed": (Kind.CREDENTIAL_CHANGE, "Your username was changed."),
    "email_changed": (Kind.CREDENTIAL_CHANGE, "Your email address was changed."),
    "password_changed": (Kind.CREDENTIAL_CHANGE, "Your password was changed."),
    "password_reset": (Kind.CREDENTIAL_CHANGE, "Your password was reset with an emailed link."),
    "mfa_enabled": (Kind.CREDENTIAL_CHANGE, "The second factor was turned on."),
    "mfa_disabled": (Kind.CREDENTIAL_CHANGE, "The second factor was turned off."),
    "recovery_code_used": (Kind.CREDENTIAL_CHANGE, "A recovery code was used."),
    "google_linked": (Kind.CREDENTIAL_CHANGE, "A Google account was linked."),
    "google_unlinked": (Kind.CREDENTIAL_CHANGE, "The Google account was unlinked."),
}


def record(
    db: Session, kind: str, user_id: int | None, client: "Client | None" = None, **facts: object
) -> None:
    """Record a security event in the log and in the database.

    `facts` holds ids and short words, never secrets or text that a user typed.
    """
    address = client.ip_address if client else ""
    security_event(kind, routine=kind in ROUTINE, user_id=user_id, ip_address=address, **facts)
    db.add(SecurityEvent(user_id=user_id, kind=kind, ip_address=address[:45], facts=as_text(facts)))
    if user_id is not None and kind in SHOWN:
        shown, summary = SHOWN[kind]
        activity.record(db, user_id, shown, {"event": kind}, summary=summary)


def as_text(facts: Mapping[str, object]) -> str:
    return json.dumps(facts)
