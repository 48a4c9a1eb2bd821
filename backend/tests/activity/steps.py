"""Steps of the tests of activity."""

from typing import Any

from httpx2 import Response

from app.db.database import SessionLocal
from app.platform import activity
from app.platform.activity import Kind
from app.routers.activity import moving
from app.routers.auth.models import User


def record(user: User, *summaries: str, kind: Kind = Kind.POST) -> None:
    """Record events in the same way as a feature. The events wait in the outbox."""
    with SessionLocal() as db, db.begin():
        for summary in summaries:
            activity.record(db, user.id, kind, {"event": "tested"}, summary=summary)


def recorded(user: User, *summaries: str, kind: Kind = Kind.POST) -> None:
    """Record events, and move them to the timeline."""
    record(user, *summaries, kind=kind)
    assert moving.move_events()


def summaries(response: Response) -> list[str]:
    assert response.status_code == 200, response.text
    return [event["summary"] for event in response.json()["items"]]


def events(response: Response, kind: str) -> list[Any]:
    """Return the field `event` of each event of this kind, oldest first."""
    items = reversed(response.json()["items"])
    return [item["data"]["event"] for item in items if item["kind"] == kind]
