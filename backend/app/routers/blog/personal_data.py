"""The personal data that the blog has about a user."""

from collections.abc import Iterator, Sequence

from sqlalchemy import delete
from sqlalchemy.orm import Session

from app.db.batches import in_batches
from app.db.database import WorkerSession
from app.platform.personal_data import Part, records

from .counts import uncounting
from .models import BlogPost, BlogRevision

DERIVED = {"content_html", "is_counted", "last_revision"}


def export(user_id: int) -> Iterator[Part]:
    """Yield the posts of the user, and the revisions that they have written."""
    yield "posts", records(BlogPost, BlogPost.author_id == user_id, without=DERIVED)
    yield "revisions", records(BlogRevision, BlogRevision.editor_id == user_id)


def erase(user_id: int) -> bool:
    """Delete the posts of a user, with their revisions and former slugs."""
    return in_batches(
        WorkerSession, _delete_posts, BlogPost, BlogPost.author_id == user_id
    ).finished


def _delete_posts(db: Session, post_ids: Sequence[int]) -> None:
    uncounting.note(db.connection(), post_ids, deleting=True)
    db.execute(delete(BlogPost).where(BlogPost.id.in_(post_ids)))
