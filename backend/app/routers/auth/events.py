"""Security events: a log record for whoever watches, and a row that an administrator can read (requirement 56)."""

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING

from sqlalchemy import update
from sqlalchemy.orm import Session

from app.core.logging import security_event

from .models import SecurityEvent

if TYPE_CHECKING:
    from .sessions import Client


def record(db: Session, kind: str, user_id: int | None, client: "Client | None" = None, **facts: object) -> None:
    """Note what happened. `facts` hold ids and short words, never secrets or what a user typed."""
    address = client.ip_address if client else ""
    security_event(kind, user_id=user_id, ip_address=address, **facts)
    db.add(SecurityEvent(user_id=user_id, kind=kind, ip_address=address[:45], facts=as_text(facts)))


def as_text(facts: Mapping[str, object]) -> str:
    return json.dumps(facts)


def forget_addresses(db: Session, user_id: int) -> None:
    """From where somebody came is personal; what happened to an account, told by its number, is not."""
    db.flush()
    theirs = update(SecurityEvent).where(SecurityEvent.user_id == user_id).values(ip_address="")
    db.execute(theirs)
