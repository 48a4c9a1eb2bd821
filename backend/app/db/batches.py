"""Work on any number of rows in batches, each of which is a short transaction of its
own.

A statement that touches every row of a kind takes longer the more rows there are. In
the end a time limit stops it, and nothing is done at all. Batches always make progress,
hold no lock for long, and let others work in between:

    delete_in_batches(WorkerSession, Mail, Mail.sent_at < past, by=Mail.sent_at)
    in_batches(WorkerSession, fill_in, Post, Post.html.is_(None), budget=5)
    for posts in read_in_batches(SessionLocal, Post, after=1_000): ...

All times are in seconds. Rows are taken in the order of `by`, or of the primary key
without it. An index must begin with `by`, or have it after columns that the conditions
compare for equality.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Select, delete, inspect, select
from sqlalchemy.orm import InstrumentedAttribute, Session, sessionmaker

from .base import Base

SIZE = 2_000  # rows of one batch at most
# The first batch has so many rows, because the cost of one is still unknown: deleting a
# row may delete rows that refer to it.
FIRST = 100
BUDGET = 2.0  # seconds of one run, because the thread has other work too

Row = TypeVar("Row", bound=Base)
Sessions = sessionmaker[Any]
Work = Callable[[Session, Sequence[int]], None]


# A batch should take `AIM` seconds. Then it leaves the database to others for four
# times as long as it took. Five million rows of PostgreSQL are deleted in three
# minutes, and requests take hardly longer (`tests/faults/test_purge.py`). SQLite has
# one writer. A process that waits for it retries at intervals, and must find the file
# free then.
AIM = 0.02
REST = 4.0


@dataclass
class Progress:
    """The result of one run.

    `longest` is the time of its longest transaction. `last` is the key of its last row.
    """

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
    """Call `work` with the primary keys of at most `size` locked rows, until no row is
    left.

    Each call is a transaction. No new one begins after `budget` seconds. With `None`
    there is no limit. At least one batch is done. Rows that another transaction has
    locked are left out.

    If `by` is the primary key, no row comes twice, and a run can continue after
    `Progress.last` of a previous one. With another column, `work` must change every row
    so that it no longer matches the conditions.
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
    """Delete the rows that match the conditions, as `in_batches` does."""
    return in_batches(
        sessions, deletion(model), model, *conditions, by=by, size=size, budget=budget
    )


def deletion(model: type[Base]) -> Work:
    """Return the work that deletes rows of this table.

    MariaDB does not support LIMIT in a subquery, so the keys are selected first.
    """
    key = _key(model)

    def work(db: Session, keys: Sequence[int]) -> None:
        db.execute(
            delete(model).where(key.in_(keys)), execution_options={"synchronize_session": False}
        )

    return work


def read_in_batches(
    sessions: Sessions,
    model: type[Row],
    *conditions: ColumnElement[bool],
    after: int = 0,
    size: int = SIZE,
) -> Iterator[Sequence[Row]]:
    """Read the rows that match the conditions, `size` at a time, in the order of their
    primary keys.

    The first key is larger than `after`. No transaction is open while the caller uses
    the rows.
    """
    key = _key(model)
    while True:
        with sessions() as db:
            found = db.execute(
                select(model, key).where(*conditions, key > after).order_by(key).limit(size)
            ).all()
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
    """Select and lock key and place of the next rows.

    The query continues at the last place rather than at the first one. At the first
    place the index still contains rows that were just deleted, and PostgreSQL would
    step over them again and again. Several rows may share a place, so the last place is
    included.
    """
    key = _key(model)
    place = key if by is None else by
    rows = (
        select(key, place)
        .where(*conditions)
        .order_by(place)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    if last is None:
        return rows
    return rows.where(place > last if by is None else place >= last)


def _fitting(size: int, share: float, most: int) -> int:
    """Return the number of rows of the next batch.

    The last one had `size` rows and took `share` of the time that it should take.
    """
    if share > 1:
        return max(1, size // 2)
    return min(most, size * 2) if share < 0.5 else size  # noqa: PLR2004 - twice as many would take too long


def _key(model: type[Base]) -> Any:
    return inspect(model).primary_key[0]
