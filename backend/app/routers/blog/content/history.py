"""Records a revision of a post whenever the text of the post changes.

The UPDATE of a post also increments the post's revision number. So two simultaneous
changes never get the same number, and no extra statement is needed to find the number.
"""

from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import case, delete, insert
from sqlalchemy.orm import Session

from app.routers.auth.models import User
from app.routers.blog.models import BlogPost, BlogRevision

KEPT = 50  # number of newest revisions kept for each post

# The first change gets number 2, because the state before it is stored as revision 1.
_NEXT = case((BlogPost.last_revision == 0, 2), else_=BlogPost.last_revision + 1)


class State(NamedTuple):
    title: str
    content: str
    excerpt: str


def state_of(post: BlogPost) -> State:
    return State(post.title, post.content, post.excerpt)


def count_revision(post: BlogPost) -> None:
    """Increment the post's revision number in the UPDATE that follows."""
    post.last_revision = _NEXT


def record_revision(db: Session, post: BlogPost, before: State, editor: User) -> None:
    """Store the new state of a changed post as a revision.

    The caller has read the post again after the change. With the first change, the
    state `before` that change is stored, too. The oldest revision is deleted if there
    are more than `KEPT`.
    """
    number = post.last_revision
    rows = [_row(post, number, editor.id, post.updated_at, state_of(post))]
    if number == 2:  # noqa: PLR2004 - the first change
        rows.insert(0, _row(post, 1, post.author_id, post.created_at, before))
    db.execute(insert(BlogRevision), rows)
    if number > KEPT:
        old = (BlogRevision.post_id == post.id, BlogRevision.id <= number - KEPT)
        db.execute(delete(BlogRevision).where(*old))


def _row(
    post: BlogPost, number: int, editor_id: int, changed_at: datetime, state: State
) -> dict[str, Any]:
    about = {"post_id": post.id, "id": number, "editor_id": editor_id, "created_at": changed_at}
    return about | state._asdict()
