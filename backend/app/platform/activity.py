"""Activity: what happened in an account, for the account's owner.

Any feature can record an event, in the transaction in which the event happens:

    activity.record(
        db,
        user.id,
        activity.Kind.POST,
        {"event": "published", "post_id": post.id},
        summary="The post “First light” was published.",
    )

The entry waits in an outbox, and the feature `activity` moves it to the timeline of the
user. So other features need not import `activity`, and no request waits for the
database that holds the timelines.
The summary is a plain sentence for the owner, and `data` holds ids and short words.
Neither contains an IP address, an email address, a token or another secret.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from sqlalchemy.orm import Session

from app.db.insertion import insert_ahead

from .models import ActivityEntry

MAX_SUMMARY = 300  # characters


class Kind(StrEnum):
    """The kinds of activity."""

    SIGN_IN = "sign_in"
    CREDENTIAL_CHANGE = "credential_change"
    PAYMENT = "payment"
    POST = "post"


_INSERT = insert_ahead(ActivityEntry)


def record(db: Session, user_id: int, kind: Kind, data: Mapping[str, Any], *, summary: str) -> None:
    """Record an event in this account, as part of the caller's transaction.

    The most frequent writes call this function, so it must be fast. On PostgreSQL, the
    statement needs no separate round trip to the database. The session keeps no object
    for the event.
    """
    text = summary if len(summary) <= MAX_SUMMARY else summary[: MAX_SUMMARY - 1] + "…"
    entry = {"user_id": user_id, "kind": kind.value, "data": dict(data), "summary": text}
    db.connection().execute(_INSERT, entry)
