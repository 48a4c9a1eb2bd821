"""Records what happens to a post in the timeline of its author."""

from typing import Any

from sqlalchemy.orm import Session

from app.platform import activity
from app.platform.models import ActivityEntry

from .models import BlogPost


def record_post(db: Session, post: BlogPost, event: str) -> None:
    """Record that a post was created, published, updated or deleted."""
    data, summary = _described(post, event)
    activity.record(db, post.author_id, activity.Kind.POST, data, summary=summary)


def record_demo_post(db: Session, post: BlogPost) -> None:
    """Record the creation of a demo post, at the time when it was created."""
    data, summary = _described(post, "created")
    shown = {"kind": activity.Kind.POST, "summary": summary, "data": data}
    db.add(ActivityEntry(user_id=post.author_id, created_at=post.created_at, **shown))


def _described(post: BlogPost, event: str) -> tuple[dict[str, Any], str]:
    return {"event": event, "post_id": post.id}, f"The post “{post.title}” was {event}."
