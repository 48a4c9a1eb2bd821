"""Jobs: work that is queued in the transaction of a request, and done by a worker
afterwards, at least once.

A feature declares its jobs in its `jobs.py`:

    @job("blog.reindex")
    def reindex(db: Session, payload: dict[str, Any]) -> None: ...

    @recurring("blog.purge", every=timedelta(hours=1))
    def purge(db: Session, payload: dict[str, Any]) -> None: ...

Each run has a transaction of its own, which also removes the job from the queue. So its
effect in the database happens once. Its effect elsewhere may happen twice, if a worker
dies in between. A job that has more to do than one transaction should hold works in
batches (`app.db.batches`), and returns `Again` until it has finished.

A job that waits for an outside service declares that:

    @job("payments.look", outside=True)

Such jobs have threads of their own, so that a service that does not respond delays no
other job. The transaction of a job begins with its first statement, so such a job calls
first and writes afterwards. Recurring jobs have threads of their own too, so that a
long purge delays no other work.
"""

import importlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from functools import lru_cache
from threading import Lock
from typing import Any

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from app.core.errors import Conflict
from app.core.features import discover
from app.db import clock
from app.db.errors import conflicts

from .leases import NEVER, PATIENCE
from .models import Job, Lane
from .wakes import Bell, job_bell, outside_bell, recurring_bell, ring_after

LEASE = timedelta(minutes=5)


@dataclass(frozen=True)
class Again:
    """The result of a job that has more to do.

    The job runs again after `wait`, with `payload`.
    """

    wait: timedelta = timedelta()
    payload: Mapping[str, Any] = field(default_factory=dict)


Handler = Callable[[Session, dict[str, Any]], Again | None]


@dataclass(frozen=True)
class Failure:
    """A failed attempt of a job. After the final one, the job is a dead letter."""

    error: str
    is_final: bool


FailureHandler = Callable[[Session, dict[str, Any], Failure], None]
BELLS: Mapping[Lane, Bell] = {
    Lane.ASKED: job_bell,
    Lane.RECURRING: recurring_bell,
    Lane.OUTSIDE: outside_bell,
}


@dataclass(frozen=True)
class Kind:
    """A kind of job.

    `every` is set for recurring jobs. `outside` is set for jobs that wait for outside
    services.
    """

    name: str
    run: Handler
    every: timedelta | None = None
    outside: bool = False
    failed: FailureHandler | None = None

    @property
    def lane(self) -> Lane:
        if self.outside:
            return Lane.OUTSIDE
        return Lane.RECURRING if self.every else Lane.ASKED

    @property
    def key(self) -> str:
        """Return the key of the only row of a recurring job."""
        return f"recurring {self.name}"


class NotNow(Exception):
    """A job raises this to run again in a moment.

    It counts neither as an attempt nor as a failure.
    """


class UnknownJob(LookupError):
    """No `jobs.py` declares a job of this kind."""


class _AlreadyWaiting(Conflict):
    """An unfinished job has the same key, so this one is not added. The exception never
    leaves this module.
    """


_kinds: dict[str, Kind] = {}
_in_hand: set[str] = set()
_in_hand_lock = Lock()


def job(
    kind: str, *, outside: bool = False, failed: FailureHandler | None = None
) -> Callable[[Handler], Handler]:
    """Declare what a job of this kind does. Its name begins with the name of the
    feature: `auth.purge`.

    `failed` is called after each failure, in the transaction that records it.
    """
    return lambda handler: _declare(Kind(kind, handler, outside=outside, failed=failed))


def recurring(
    kind: str, *, every: timedelta, outside: bool = False
) -> Callable[[Handler], Handler]:
    """Declare a recurring job. It runs once per interval, however many workers there
    are.

    Its payload is empty.
    """
    return lambda handler: _declare(Kind(kind, handler, every, outside))


def _declare(kind: Kind) -> Handler:
    known = _kinds.setdefault(kind.name, kind)
    if known.run is not kind.run:
        raise ValueError(f"Two jobs have the name {kind.name!r}")
    return kind.run


@lru_cache
def kinds() -> Mapping[str, Kind]:
    """Return every job of every feature. Raises `BrokenFeature` for a `jobs.py` that
    cannot be used.
    """
    importlib.import_module("app.platform.housekeeping")
    for feature in discover():
        feature.module("jobs")
    return _kinds


def enqueue(
    db: Session,
    kind: str,
    payload: dict[str, Any] | None = None,
    *,
    after: timedelta = timedelta(),
    key: str | None = None,
) -> None:
    """Run the job when this transaction has been committed, and at least `after` later.

    Nothing is added if an unfinished job has the same `key`, also if it is running
    right now. Raises `UnknownJob`.
    """
    if kind not in kinds():
        raise UnknownJob(kind)
    declared = kinds()[kind]
    due = {
        "due_at": clock.now(after),
        "give_up_at": NEVER if key == declared.key else clock.now(after + PATIENCE),
    }
    added = Job(kind=kind, payload=payload or {}, key=key, lane=declared.lane, **due)
    try:
        with db.begin_nested(), conflicts({"uq_jobs_key": _AlreadyWaiting}):
            db.add(added)
            db.flush()
    except _AlreadyWaiting:
        return
    ring_after(db, BELLS[declared.lane])


def is_enqueued(key: ColumnElement[str]) -> ColumnElement[bool]:
    """Return an SQL condition: whether an unfinished job has this key."""
    return select(Job.id).where(Job.key == key).exists()


@contextmanager
def alone(what: str) -> Iterator[None]:
    """Ensure that no other job of this process works on the same thing.

    Raises `NotNow` if one does. A job that waited for the other one would keep a thread
    from jobs about other things.
    """
    with _in_hand_lock:
        if what in _in_hand:
            raise NotNow
        _in_hand.add(what)
    try:
        yield
    finally:
        with _in_hand_lock:
            _in_hand.discard(what)
