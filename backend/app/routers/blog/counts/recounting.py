"""Computes all counters again while other transactions write.

The posts are read in the order of their ids, in batches. Each batch is a short
transaction that locks the counters, but no posts, so no writer waits for the recount.
The new numbers are collected in a separate set of counters, a *round*, which readers do
not use yet. While the recount runs, the folding job also updates this round for posts
that the recount has already read. So the new round stays exact until the last batch
makes it the round that readers use.

A row of `blog_uncounted` stands for a post that is still counted. A batch therefore
counts the row like a counted post, and reads it in the same statement as the posts. The
folding job later subtracts the row's post from both rounds.

The id of the last post that was read is stored in `blog_count_state`, so an interrupted
recount continues after this post. Two simultaneous recounts share the work.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Select, func, insert, select, union_all, update
from sqlalchemy.orm import Session

from app.core.logging import get_logger
from app.db.batches import delete_in_batches, in_batches
from app.db.batches.turns import Progress, take_turns
from app.db.database import WorkerSession
from app.routers.blog.models import BlogCount, BlogCountState, BlogPost, BlogUncounted

from . import statements
from .counters import Place, add, lock_counters, state_of, sums_of
from .folding import BUDGET, REST
from .uncounting import uncount

# Batches may be large, because a batch locks no posts. With large batches, each counter
# is changed less often.
SIZE = 50_000
AIM = 0.5

log = get_logger(__name__)


def recount(budget: float | None = BUDGET) -> Progress:
    """Compute all counters again, or continue a recount that has begun.

    After about `budget` seconds the result is unfinished, and the next call continues.
    """
    in_batches(WorkerSession, uncount, BlogPost, *statements.counted_too_early(), budget=budget)
    with WorkerSession() as db, db.begin():
        round_ = _begin(db)

    def turn(db: Session, _last: Any, wanted: int) -> Sequence[Any]:
        return read_batch(db, round_, wanted)

    pace: dict[str, Any] = {"budget": budget, "aim": AIM, "rest": REST}
    progress = take_turns(WorkerSession, turn, Progress(), size=SIZE, **pace)
    if progress.finished:
        _remove_old_rounds()
        log.info("posts_recounted", round=round_)
    return progress


def _begin(db: Session) -> int:
    """Begin a recount, unless a recount is already running. Return the number of its
    round.
    """
    lock_counters(db)
    state = state_of(db)
    if state.next_round is not None:
        return state.next_round
    connection = db.connection()
    newest = connection.scalar(select(func.max(BlogCount.round))) or 0
    round_ = max(newest, state.shown_round) + 1
    if connection.scalar(select(BlogCountState.id)) is None:
        connection.execute(insert(BlogCountState).values(id=1))
    _store(db, next_round=round_, position=0)
    return round_


def read_batch(db: Session, round_: int, wanted: int) -> Sequence[Any]:
    """Add the next posts to this round. The last batch makes this round the one that
    readers use.
    """
    lock_counters(db)
    state = state_of(db)
    if state.next_round != round_:
        return ()  # another process has finished this round
    rest = select(BlogPost.id).where(BlogPost.id > state.position).order_by(BlogPost.id)
    last = db.scalar(rest.offset(wanted - 1).limit(1))
    grouped = db.execute(_places(state.position, last)).all()
    add(db, round_, sums_of((Place(row[0], row[1], row[2]), row[3]) for row in grouped))
    if last is None:
        _store(db, shown_round=round_, next_round=None, position=0)
        return ()
    _store(db, position=last)
    return [(last, last)] * wanted


def _store(db: Session, **values: int | None) -> None:
    db.connection().execute(update(BlogCountState).values(values))


def _places(after: int, last: int | None) -> Select[int, int | None, int, int]:
    """Select the number of counted posts by author, category and month.

    The posts have ids above `after`, up to `last`. In the last batch, `last` is `None`,
    because newer posts may have been created since. One statement reads both tables, so
    that no change falls between two reads.
    """
    posts, gone = BlogPost.id > after, BlogUncounted.post_id > after
    columns = (BlogPost.author_id, BlogPost.category_id)
    counted = select(*columns, statements.month_column().label("month")).where(
        posts, BlogPost.is_counted
    )
    noted = select(BlogUncounted.author_id, BlogUncounted.category_id, BlogUncounted.month).where(
        gone
    )
    if last is not None:
        counted, noted = (
            counted.where(BlogPost.id <= last),
            noted.where(BlogUncounted.post_id <= last),
        )
    both = union_all(counted, noted).subquery()
    places = (both.c.author_id, both.c.category_id, both.c.month)
    return select(*places, func.count()).group_by(*places)


def _remove_old_rounds() -> None:
    """Delete the counters of all rounds before the round that readers use."""
    with WorkerSession() as db:
        shown = state_of(db).shown_round
    old = BlogCount.round < shown
    delete_in_batches(WorkerSession, BlogCount, old, by=BlogCount.round, budget=None)
