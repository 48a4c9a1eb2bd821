"""Work on any number of rows, a few at a time: each batch is a short transaction of its own.

A statement that touches every row of a kind takes longer the more there are, until a time limit ends it and nothing is
done at all. Batches always get something done, hold no lock for long, and leave others their turn:

    delete_in_batches(WorkerSession, Mail, Mail.sent_at < past, by=Mail.sent_at)
    in_batches(WorkerSession, fill_in, Post, Post.html.is_(None), budget=5)
    for posts in read_in_batches(SessionLocal, Post, after=1_000): ...

All times are seconds. Rows are taken in the order of `by`, which must have an index that begins with it, or behind
columns that the conditions compare for equality. Without `by` it is the primary key.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Select, delete, inspect, select
from sqlalchemy.orm import InstrumentedAttribute, Session, sessionmaker

from app.db.base import Base

SIZE = 2_000  # rows of one batch at most
FIRST = 100  # rows of the first batch, before it is known what one costs: rows that refer to them go along
BUDGET = 2.0  # seconds of one run; the thread has other things to do, too

Row = TypeVar("Row", bound=Base)
Sessions = sessionmaker[Any]
Work = Callable[[Session, Sequence[int]], None]


# A batch aims at so many seconds; then others have the database to themselves for four times as long as it took.
# Five million rows of PostgreSQL go in three minutes, and requests take hardly longer (`tests/faults/test_purge.py`).
# SQLite has one writer: whoever waits for it looks again now and then, and must find it free.
AIM = 0.02
REST = 4.0


@dataclass
class Progress:
    """What one run did. `longest` is the time of its longest transaction, `last` the key of its last row."""

    rows: int = 0
    batches: int = 0
    longest: float = 0.0
    last: Any = None
    finished: bool = False

    def note(self, rows: int, seconds: float) -> None:
        self.rows += rows
        self.batches += 1
        self.longest = max(self.longest, seconds)


def in_batches(  # noqa: PLR0913 - each has a default that fits
    sessions: Sessions,
    work: Work,
    model: type[Base],
    *conditions: ColumnElement[bool],
    by: InstrumentedAttribute[Any] | None = None,
    after: Any = None,
    size: int = SIZE,
    budget: float | None = BUDGET,
) -> Progress:
    """Call `work` with the primary keys of at most `size` locked rows, again and again, until none is left.

    Each call is a transaction. After `budget` seconds no other one begins; None has no end. At least one batch is done.
    Rows that somebody else has locked are left out. Ordered by the primary key, no row comes twice, and a run can go on
    after `Progress.last` of another; ordered by another column, `work` must leave no row that fits the conditions.
    """
    progress, began, wanted = Progress(last=after), time.monotonic(), min(FIRST, size)
    while True:
        started = time.monotonic()
        with sessions() as db, db.begin():
            found = db.execute(_next(model, conditions, by, progress.last, wanted)).all()
            if found:
                work(db, [key for key, _ in found])
        seconds = time.monotonic() - started
        if found:
            progress.note(len(found), seconds)
            progress.last = found[-1][1]
        if len(found) < wanted:
            progress.finished = True
            return progress
        if budget is not None and time.monotonic() - began >= budget:
            return progress
        time.sleep(seconds * REST)
        wanted = _fitting(wanted, seconds / AIM, size)


def delete_in_batches(
    sessions: Sessions,
    model: type[Base],
    *conditions: ColumnElement[bool],
    by: InstrumentedAttribute[Any] | None = None,
    size: int = SIZE,
    budget: float | None = BUDGET,
) -> Progress:
    """Delete the rows that fit the conditions, as `in_batches` goes through them."""
    return in_batches(sessions, deletion(model), model, *conditions, by=by, size=size, budget=budget)


def deletion(model: type[Base]) -> Work:
    """The work that deletes rows of this table. MariaDB takes no LIMIT in a subquery: the keys are known before."""
    key = _key(model)

    def work(db: Session, keys: Sequence[int]) -> None:
        db.execute(delete(model).where(key.in_(keys)), execution_options={"synchronize_session": False})

    return work


def read_in_batches(
    sessions: Sessions, model: type[Row], *conditions: ColumnElement[bool], after: int = 0, size: int = SIZE
) -> Iterator[Sequence[Row]]:
    """Read the rows that fit the conditions, `size` at a time, in the order of their primary keys, behind `after`.

    No transaction is open while the caller works with them.
    """
    key = _key(model)
    while True:
        with sessions() as db:
            found = db.execute(select(model, key).where(*conditions, key > after).order_by(key).limit(size)).all()
        if found:
            yield [row for row, _ in found]
            after = found[-1][1]
        if len(found) < size:
            return


def _next(
    model: type[Base],
    conditions: Sequence[ColumnElement[bool]],
    by: InstrumentedAttribute[Any] | None,
    last: Any,
    limit: int,
) -> Select[Any, Any]:
    """Key and place of the next rows, locked.

    It goes on at the last place instead of at the first: there the index still has what was deleted a moment ago, and
    PostgreSQL would step over it again and again. Several rows may have one place, so it is looked at once more.
    """
    key = _key(model)
    place = key if by is None else by
    rows = select(key, place).where(*conditions).order_by(place).limit(limit).with_for_update(skip_locked=True)
    if last is None:
        return rows
    return rows.where(place > last if by is None else place >= last)


def _fitting(size: int, share: float, most: int) -> int:
    """How many rows the next batch takes, after one of `size` that took this share of what it should take."""
    if share > 1:
        return max(1, size // 2)
    return min(most, size * 2) if share < 0.5 else size  # noqa: PLR2004 - twice as many would take too long


def _key(model: type[Base]) -> Any:
    return inspect(model).primary_key[0]
