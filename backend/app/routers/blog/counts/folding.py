"""The job that moves new and changed posts into the counters.

The job also counts scheduled posts once they are due, and posts that were written with
plain SQL. The numbers that readers see do not change. The job only reduces the number
of rows to add up.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from app.db.batches import in_batches
from app.db.batches.turns import SIZE, Progress, take_turns
from app.db.database import WorkerSession
from app.routers.blog.models import BlogPost, BlogUncounted

from . import statements
from .counters import Place, add, lock_counters, state_of, sums_of
from .uncounting import mark, month_of, uncount

BUDGET = 2.0  # seconds per step of a run, because the thread has other work, too
# A batch takes ten statements, however few posts it counts, so batches should be large.
# With these two values, a busy PostgreSQL counted 1,500 posts a second. With the
# default values of `in_batches`, it counted 30 posts a second.
AIM = 0.1
REST = 1.0


@dataclass(frozen=True)
class Folded:
    """The result of one run: numbers of rows, and whether no rows are left."""

    counted: int
    uncounted: int
    finished: bool


def fold(budget: float | None = BUDGET) -> Folded:
    """Move posts into and out of the counters. Each step takes about `budget` seconds
    at most.
    """
    pace: dict[str, Any] = {"budget": budget, "aim": AIM, "rest": REST}
    withdrawn = in_batches(
        WorkerSession,
        uncount,
        BlogPost,
        *statements.hidden_but_counted(),
        by=BlogPost.published_at,
        **pace,
    )
    removed = take_turns(WorkerSession, _remove, Progress(), size=SIZE, **pace)
    counted = in_batches(
        WorkerSession,
        count_batch,
        BlogPost,
        *statements.visible_but_uncounted(),
        by=BlogPost.published_at,
        **pace,
    )
    finished = withdrawn.finished and removed.finished and counted.finished
    return Folded(counted.rows, removed.rows, finished)


def count_batch(db: Session, post_ids: Sequence[int]) -> None:
    """Count these posts, whose rows the caller has locked."""
    columns = (BlogPost.id, BlogPost.author_id, BlogPost.category_id, BlogPost.published_at)
    posts = db.connection().execute(select(*columns).where(BlogPost.id.in_(post_ids))).all()
    mark(db, post_ids, is_counted=True)
    places = [
        (row.id, Place(row.author_id, row.category_id, month_of(row.published_at))) for row in posts
    ]
    _change(db, 1, places)


def _remove(db: Session, _last: Any, wanted: int) -> Sequence[Any]:
    """Subtract the posts in some rows of `blog_uncounted`, and then delete these rows.

    These rows need no locks, because only the transaction that has locked the counters
    changes or deletes such rows.
    """
    lock_counters(db)
    connection = db.connection()
    rows = connection.execute(
        select(BlogUncounted.__table__).order_by(BlogUncounted.id).limit(wanted)
    ).all()
    if rows:
        places = [(row.post_id, Place(row.author_id, row.category_id, row.month)) for row in rows]
        _change(db, -1, places)
        gone = BlogUncounted.id.in_([row.id for row in rows])
        connection.execute(delete(BlogUncounted).where(gone))
    return [(row.id, row.id) for row in rows]


def _change(db: Session, sign: int, posts: Iterable[tuple[int, Place]]) -> None:
    """Change the counters in use.

    If a recount is running, also change its counters for the posts that it has read.
    """
    lock_counters(db)
    state = state_of(db)
    posts = list(posts)
    add(db, state.shown_round, sums_of((place, sign) for _, place in posts))
    if state.next_round is not None:
        passed = [(place, sign) for post_id, place in posts if post_id <= state.position]
        add(db, state.next_round, sums_of(passed))
