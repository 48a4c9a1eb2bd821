"""Purges: recurring jobs that delete expired rows.

A feature declares its purges in its `jobs.py`:

    purge(Reminder.sent_at, kept=timedelta(days=30))
    purge(Draft.created_at, Draft.author_id.is_(None), kept=timedelta(days=1))

One recurring job per table, `purge.<table>`, does the work. It deletes in batches
(`app.db.batches`), so that no transaction holds its locks for long. The job runs again
and again until no expired row is left.
"""

import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any, cast

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from app.core.logging import get_logger
from app.db import clock
from app.db.base import Base
from app.db.batches import Work, batch_deletion, in_batches
from app.db.database import WorkerSession

from .jobs import Again, job_kinds, recurring

EVERY = timedelta(hours=1)
# Rows that are overdue by more than this raise an alarm, because the purges do not run
# or are too slow.
OVERDUE = timedelta(days=1)
LOOK_AGAIN = 3000.0  # seconds between two checks for overdue rows

log = get_logger(__name__)


@dataclass(frozen=True)
class Purge:
    """A declared purge.

    A purge covers rows that match the conditions, and whose `column` holds a time more
    than `kept` ago.
    """

    column: InstrumentedAttribute[Any]
    conditions: tuple[ColumnElement[bool], ...]
    kept: timedelta
    work: Work

    @property
    def model(self) -> type[Base]:
        return cast("type[Base]", self.column.class_)

    @property
    def table(self) -> str:
        return str(self.model.__tablename__)

    def expired(self) -> tuple[ColumnElement[bool], ...]:
        return (self.column < clock.now(-self.kept), *self.conditions)

    def overdue(self, db: Session) -> timedelta:
        """Return how long ago the first of these rows should have been deleted.

        This reads one entry of an index.
        """
        first = select(self.column, clock.now(-self.kept)).where(*self.expired())
        for found, ran_out_at in db.execute(first.order_by(self.column).limit(1)):
            late: timedelta = ran_out_at - found
            return late
        return timedelta()


_purges: dict[str, list[Purge]] = {}
looked_for_late: dict[Purge, float] = {}  # when each purge was last checked


def purge(
    column: InstrumentedAttribute[Any],
    *conditions: ColumnElement[bool],
    kept: timedelta = timedelta(),
    work: Work | None = None,
) -> None:
    """Declare that rows are deleted `kept` after the time in `column`. An index must
    begin with this column.

    A table may have several purges. Instead of deleting the rows, a purge can call
    `work`, which must change them so that they no longer match.
    """
    declared = Purge(
        column, conditions, kept, work or batch_deletion(cast("type[Base]", column.class_))
    )
    table = declared.table
    if table not in _purges:
        recurring(f"purge.{table}", every=EVERY)(partial(_run, table))
    _purges.setdefault(table, []).append(declared)


def all_purges() -> list[Purge]:
    """Return every purge of every feature."""
    job_kinds()
    return [declared for table in _purges.values() for declared in table]


def overdue_purges(db: Session) -> dict[str, timedelta]:
    """Return for how long the first expired row of each table has been overdue."""
    found: dict[str, timedelta] = {}
    for declared in all_purges():
        found[declared.table] = max(found.get(declared.table, timedelta()), declared.overdue(db))
    return found


def _run(table: str, _db: Session, payload: dict[str, Any]) -> Again | None:
    """Run the purges of one table.

    `_db` has not begun a transaction, so it holds no connection during the run. A
    continued run begins where the previous run ended. A run that begins at the start of
    the index first reads the entries of deleted rows, which PostgreSQL keeps until a
    vacuum.
    """
    places: dict[str, str] = {}
    for declared in _purges[table]:
        name, place = declared.column.key, payload.get(declared.column.key)
        _look_for_late(declared)
        after = datetime.fromisoformat(place) if place else None
        done = in_batches(
            WorkerSession,
            declared.work,
            declared.model,
            *declared.expired(),
            by=declared.column,
            after=after,
        )
        if not done.finished:
            places[name] = done.last.isoformat()
        if done.rows:
            told = {
                "rows": done.rows,
                "batches": done.batches,
                "longest_ms": round(done.longest * 1000, 1),
            }
            log.info("purged", table=table, column=name, **told, finished=done.finished)
    return Again(payload=places) if places else None


def _look_for_late(declared: Purge) -> None:
    """Log an alarm if rows are overdue.

    This check runs before any row is deleted, so that a purge that always fails is
    reported, too. The check runs about once an hour, even if there is no pause between
    the purge's runs.
    """
    looked = looked_for_late.get(declared, -LOOK_AGAIN)
    if time.monotonic() - looked < LOOK_AGAIN:
        return
    looked_for_late[declared] = time.monotonic()
    with WorkerSession() as db:
        late = declared.overdue(db)
    if late > OVERDUE:
        log.error("purge_overdue", table=declared.table, seconds=int(late.total_seconds()))
