"""Jobs: work that commits together with what asks for it, and is done by a worker afterwards, at least until it worked.

A feature declares its jobs in `jobs.py`, beside its other files:

    @job("blog.reindex")
    def reindex(db: Session, payload: dict[str, Any]) -> None: ...

    @recurring("blog.purge", every=timedelta(hours=1))
    def purge(db: Session, payload: dict[str, Any]) -> None: ...

Each run has a transaction of its own, which also strikes the job off: its effect in the database happens once. What it
does elsewhere may happen twice, when a worker dies in between. A job that has more to do than one transaction should
hold works in batches (`app.db.batches`) and returns `Again` until it has finished.

A job that waits for somebody else's service says so, `@job("payments.look", outside=True)`: such jobs have threads of
their own, so that a service that hangs delays no other job. Its transaction begins with its first statement: it calls
first, and writes then. Jobs that come again have threads of their own, too: a long purge delays no reset link.
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
    """What a job returns that has more to do: after how long it comes again, and with which payload."""

    wait: timedelta = timedelta()
    payload: Mapping[str, Any] = field(default_factory=dict)


Handler = Callable[[Session, dict[str, Any]], Again | None]


@dataclass(frozen=True)
class Failure:
    """One try of a job that failed. After the final one it is a dead letter."""

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
    """What a worker knows how to do. `every` is set for what comes again, `outside` for what waits for others."""

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
        """The key of the one row of a job that comes again."""
        return f"recurring {self.name}"


class NotNow(Exception):
    """A job raises it to be run again in a moment. That counts as no try and no failure."""


class UnknownJob(LookupError):
    """No `jobs.py` declares a job of this kind."""


class _AlreadyWaiting(Conflict):
    """Never leaves this module: the job that waits does for both."""


_kinds: dict[str, Kind] = {}
_in_hand: set[str] = set()
_in_hand_lock = Lock()


def job(kind: str, *, outside: bool = False, failed: FailureHandler | None = None) -> Callable[[Handler], Handler]:
    """Declare what a job of this kind does. Names begin with the feature's: `auth.purge`.

    `failed` is called after each failure, in the transaction that notes it.
    """
    return lambda handler: _declare(Kind(kind, handler, outside=outside, failed=failed))


def recurring(kind: str, *, every: timedelta, outside: bool = False) -> Callable[[Handler], Handler]:
    """Declare a job that comes again, once per interval however many workers there are. Its payload is empty."""
    return lambda handler: _declare(Kind(kind, handler, every, outside))


def _declare(kind: Kind) -> Handler:
    known = _kinds.setdefault(kind.name, kind)
    if known.run is not kind.run:
        raise ValueError(f"Two jobs are called {kind.name!r}")
    return kind.run


@lru_cache
def kinds() -> Mapping[str, Kind]:
    """Every job of every feature. Raises `BrokenFeature` for a `jobs.py` that cannot be used."""
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
    """Have the job done once this transaction is committed, and not before so much time has passed.

    While an unfinished job has the same `key`, also one that runs right now, nothing is added. Raises `UnknownJob`.
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
    """In a statement: whether an unfinished job has this key."""
    return select(Job.id).where(Job.key == key).exists()


@contextmanager
def alone(what: str) -> Iterator[None]:
    """Within it, no other job of this process is at the same thing. Raises `NotNow` if one is.

    A job that waited for its turn would keep a thread from jobs about other things.
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
