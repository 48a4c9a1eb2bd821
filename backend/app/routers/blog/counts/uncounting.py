"""Notes each change of a counted post, in the transaction of the change.

With the ORM, this happens automatically (`_before_update`). Before a statement that
changes or deletes posts without the ORM, call `uncount` or `note`.

The row of the post is locked first. Otherwise the job could count the post under its
old values while this transaction changes them:

| writer | job |
|---|---|
| reads the post, which is not counted | |
| | counts it in category 1, commits |
| moves it to category 2, commits | |

Category 1 would then count a post that it no longer has.

These statements do not go through the session. Otherwise each statement would discard
the cached responses of all processes (`app.db.changes`), although no response shows
these columns.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, event, insert, inspect, select, update
from sqlalchemy.orm import Mapper, Session
from sqlalchemy.orm.attributes import set_committed_value

from app.routers.blog.models import BlogPost, BlogUncounted

COUNTED_BY = ("author_id", "category_id", "is_published", "published_at")


def month_of(moment: datetime | None) -> int:
    """Return the month of a time in UTC as a number, such as 202611.

    The month is 0 if a counted post has no time, which only plain SQL can cause. The
    number of the post's former month is then wrong until the next recount.
    """
    return moment.year * 100 + moment.month if moment else 0


def note(connection: Connection, post_ids: Sequence[int], *, deleting: bool = False) -> list[int]:
    """Lock these posts, note each counted post, and return the ids of the counted
    posts.

    The caller must then clear `is_counted`, or delete the posts. The lock is as strong
    as the lock that the caller's next statement takes. With a weaker lock, two
    transactions that both upgrade their locks could deadlock.
    """
    columns = (BlogPost.id, BlogPost.author_id, BlogPost.category_id, BlogPost.published_at)
    posts = select(*columns, BlogPost.is_counted).where(BlogPost.id.in_(post_ids))
    locked = posts.order_by(BlogPost.id).with_for_update(key_share=not deleting)
    rows = connection.execute(locked).all()
    noted = [
        {
            "post_id": row.id,
            "author_id": row.author_id,
            "category_id": row.category_id,
            "month": month_of(row.published_at),
        }
        for row in rows
        if row.is_counted
    ]
    if noted:
        connection.execute(insert(BlogUncounted), noted)
    return [row["post_id"] for row in noted]


def uncount(db: Session, post_ids: Sequence[int]) -> None:
    """Remove these posts from the counters. The job counts the visible posts again."""
    if noted := note(db.connection(), post_ids):
        mark(db, noted, is_counted=False)


def mark(db: Session, post_ids: Sequence[int], *, is_counted: bool) -> None:
    """Set `is_counted`. `updated_at` stays the same, because the post itself has not
    changed.
    """
    values = {"is_counted": is_counted, "updated_at": BlogPost.updated_at}
    db.connection().execute(update(BlogPost).where(BlogPost.id.in_(post_ids)).values(values))


@event.listens_for(BlogPost, "before_update")
def _before_update(_mapper: Mapper[Any], connection: Connection, post: BlogPost) -> None:
    attributes = inspect(post).attrs
    if not any(attributes[name].history.has_changes() for name in COUNTED_BY):
        return
    if note(connection, [post.id]):
        # The value was loaded before the row was locked, so it may be outdated. It is
        # set to true here, because the UPDATE would omit a column that has not changed.
        set_committed_value(post, "is_counted", True)  # noqa: FBT003 - the function's signature
        post.is_counted = False


@event.listens_for(BlogPost, "before_delete")
def _before_delete(_mapper: Mapper[Any], connection: Connection, post: BlogPost) -> None:
    note(connection, [post.id], deleting=True)
