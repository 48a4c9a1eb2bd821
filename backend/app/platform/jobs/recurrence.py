"""Planner of recurring jobs, which ensures that each recurring job has exactly one row,
with correct values.

A row may be missing because someone deleted it. A job may have become a dead letter
when the code did not know its kind. A row may be due far in the future because the
clock of a host was wrong. Nothing else would report this, because a job that never runs
raises no error.
"""

import time
from datetime import datetime
from threading import Lock

from sqlalchemy import ColumnElement, delete, select, update
from sqlalchemy.orm import Session

from app.core.logging import get_logger
from app.db import clock
from app.db.database import WorkerSession
from app.platform import jobs
from app.platform.models import Job
from app.platform.queues import leases

PLAN_SECONDS = 60.0
EXAMINED = 100  # rows per run; the oldest rows are often jobs of unknown kinds, which never run

log = get_logger(__name__)


class Planner:
    """Plans the recurring jobs before the first job runs, and then every minute."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._next = -PLAN_SECONDS

    def plan(self) -> None:
        if not self._is_due():
            return
        try:
            with WorkerSession() as db, db.begin():
                _plan(db)
                _drop_unknown(db)
        except BaseException:
            self.forget()
            raise

    def _is_due(self) -> bool:
        with self._lock:
            due = time.monotonic() >= self._next
            if due:
                self._next = time.monotonic() + PLAN_SECONDS
            return due

    def forget(self) -> None:
        """Let the next call of `plan` check all recurring jobs immediately."""
        self._next = -PLAN_SECONDS


planner = Planner()


def _plan(db: Session) -> None:
    recurring = {kind.key: kind for kind in jobs.job_kinds().values() if kind.every}
    at = clock.read_database_time(db)
    rows = {row.key: row for row in db.scalars(select(Job).where(Job.key.in_(recurring)))}
    for key, kind in recurring.items():
        if key not in rows:
            jobs.enqueue(db, kind.name, key=key)
        elif changes := _mend(rows[key], kind, at):
            db.execute(update(Job).where(*_unchanged(rows[key])).values(changes))


def _mend(row: Job, kind: jobs.Kind, at: datetime) -> dict[str, object]:
    """Return the corrections for this row.

    A lease must end within `LEASE`. A job without a lease must be due within its
    interval.
    """
    assert kind.every
    longest = jobs.LEASE if row.lease else kind.every
    mended: dict[str, object] = {
        "due_at": min(row.due_at or at, at + longest),
        "give_up_at": leases.NEVER,
        "dead_at": None,
        "lane": kind.lane,
    }
    return {name: value for name, value in mended.items() if getattr(row, name) != value}


def _unchanged(row: Job) -> tuple[ColumnElement[bool], ...]:
    """Return conditions that match only if no worker has changed the row since we read
    it.
    """
    return Job.id == row.id, Job.due_at.is_not_distinct_from(row.due_at)


def _drop_unknown(db: Session) -> None:
    """Remove jobs that are a day overdue and whose kind is unknown.

    After a day, newer code that knows the kind is no longer expected.
    """
    over = select(Job).where(Job.due_at < clock.now(-leases.PATIENCE))
    oldest = over.order_by(Job.due_at, Job.id).limit(EXAMINED)
    for row in db.scalars(oldest.with_for_update(skip_locked=True)):
        if row.kind in jobs.job_kinds():
            continue
        if row.key == f"recurring {row.kind}":
            db.execute(delete(Job).where(*_unchanged(row)))
            log.warning("recurring_job_dropped", kind=row.kind)
        else:
            leases.make_dead_letter(db, row, "No code declares a job of this kind")
