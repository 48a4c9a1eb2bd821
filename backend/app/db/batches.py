"""Work on any number of rows in batches, each in a short transaction of its own.

A single statement over all such rows takes longer the more rows there are. Once it
exceeds the time limit, it never succeeds. Batches always make progress, release their
locks soon, and let other requests run in between:

    delete_in_batches(WorkerSession, Mail, Mail.sent_at < past, by=Mail.sent_at)
    in_batches(WorkerSession, fill_in, Post, Post.html.is_(None), budget=5)
    for posts in read_in_batches(SessionLocal, Post, after=1_000): ...

All times are in seconds. Rows are taken in the order of `by`, which is the primary key
by default. An index must begin with `by`, or with columns that the conditions compare
for equality followed by `by`.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Select, delete, inspect, select
from sqlalchemy.orm import InstrumentedAttribute, Session, sessionmaker

from .base import Base

SIZE = 2_000  # most rows per batch
# The size of the first batch, when the cost of a row is still unknown. Deleting a row
# may also delete other rows that refer to it.
FIRST = 100
BUDGET = 2.0  # seconds per run, because the thread has other work, too

Row = TypeVar("Row", bound=Base)
Sessions = sessionmaker[Any]
Work = Callable[[Session, Sequence[int]], None]


# A batch should take `AIM` seconds. After each batch, the database is left to other
# requests for four times as long as the batch took. This way, PostgreSQL deletes five
# million rows in three minutes, and requests are hardly slower
# (`tests/faults/test_purge.py`). SQLite has one writer. Other processes retry at
# intervals, and need to find the file unlocked.
AIM = 0.02
REST = 4.0


@dataclass
class Progress:
    """The result of one run.

    `longest` is the duration of the longest transaction. `last` is the key of the last
    row.
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


def in_batches(  # noqa: PLR0913 - each has a suitable default
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

    Each call is a transaction. After `budget` seconds no new call begins, but there is
    always at least one call. With `budget=None`, there is no time limit. Rows that
    another transaction has locked are skipped.

    If `by` is the primary key, no row is passed twice, and a run can continue after the
    `Progress.last` of a previous run. With another column, `work` must change every row
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
    """Delete the rows that match the conditions, in batches as `in_batches` does."""
    return in_batches(
        sessions, batch_deletion(model), model, *conditions, by=by, size=size, budget=budget
    )


def batch_deletion(model: type[Base]) -> Work:
    """Return a function that deletes rows of this table by their keys.

    `in_batches` selects the keys first, because MariaDB does not support LIMIT in a
    subquery.
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
    """Yield the rows that match the conditions, `size` at a time, in primary key order.

    Only rows with a key larger than `after` are read. No transaction is open while the
    caller uses the rows.
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
    """Select and lock the next rows, with their key and their value of `by`.

    The query continues at the last value instead of starting from the first value
    again. There, the index still contains the rows that were just deleted, and
    PostgreSQL would skip over them again and again. Several rows may have the last
    value, so that value is included.
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
    """Return the number of rows for the next batch.

    The last batch had `size` rows and took `share` times as long as intended.
    """
    if share > 1:
        return max(1, size // 2)
    return min(most, size * 2) if share < 0.5 else size  # noqa: PLR2004 - twice as many must still fit


def _key(model: type[Base]) -> Any:
    return inspect(model).primary_key[0]
