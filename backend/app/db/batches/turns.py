"""The size of batches, and the pauses between them."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from sqlalchemy import inspect
from sqlalchemy.orm import Session, sessionmaker

from app.db.base import Base

SIZE = 2_000  # maximum number of rows per batch
# The size of the first batch, when the cost of a row is still unknown. Deleting a row
# may also delete other rows that refer to it.
FIRST = 100
# A batch should take `AIM` seconds. After each batch, there is a pause that is four
# times as long, so that other requests can use the database. With these pauses,
# PostgreSQL deletes five million rows in three minutes, and requests are hardly slower
# (`tests/faults/test_purge.py`). SQLite allows one writer. Other processes that want to
# write try again at intervals, so the file must be unlocked most of the time.
AIM = 0.02
REST = 4.0

Row = TypeVar("Row", bound=Base)
Sessions = sessionmaker[Any]
Found = Sequence[Any]  # for each row, its key and the value that rows are sorted by
Turn = Callable[[Session, Any, int], Found]


@dataclass
class Progress:
    """The result of one run.

    `longest` is the duration of the longest transaction. `last` is the value by which
    the last row was sorted.
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


def take_turns(  # noqa: PLR0913 - the callers are functions of this package
    sessions: Sessions,
    turn: Turn,
    progress: Progress,
    *,
    size: int,
    budget: float | None,
    aim: float = AIM,
    rest: float = REST,
    note: Callable[[Progress], None] | None = None,
) -> Progress:
    """Call `turn` again and again, until it returns fewer rows than it was asked for.

    Each call is a transaction. `turn` gets the session, the value of the last row by
    which rows are sorted, and the number of rows to take. The number is adapted so that
    a batch takes about `aim` seconds. After each batch, there is a pause that is `rest`
    times as long. `note` is called after each batch.
    """
    began, wanted = time.monotonic(), min(FIRST, size)
    while True:
        started = time.monotonic()
        with sessions() as db, db.begin():
            found = turn(db, progress.last, wanted)
        seconds = time.monotonic() - started
        if found:
            progress.note(len(found), seconds)
            progress.last = found[-1][1]
        progress.finished = len(found) < wanted
        if note:
            note(progress)
        if progress.finished or (budget is not None and time.monotonic() - began >= budget):
            return progress
        time.sleep(seconds * rest)
        wanted = _fitting(wanted, seconds / aim, size)


def key_of(model: type[Base]) -> Any:
    """Return the primary key of a table with one key column."""
    return inspect(model).primary_key[0]


def _fitting(size: int, share: float, most: int) -> int:
    """Return the number of rows for the next batch.

    The last batch had `size` rows and took `share` times as long as intended.
    """
    if share > 1:
        return max(1, size // 2)
    return min(most, size * 2) if share < 0.5 else size  # noqa: PLR2004 - twice as many must still fit
