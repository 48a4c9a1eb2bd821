"""Jobs: work that a request queues, and that a worker later does at least once.

A feature declares its jobs in its `jobs.py`:

    @job("blog.reindex")
    def reindex(db: Session, payload: dict[str, Any]) -> None: ...

    @recurring("blog.purge", every=timedelta(hours=1))
    def purge(db: Session, payload: dict[str, Any]) -> None: ...

`enqueue` is part of the request's transaction. Each run of a job is a separate
transaction, which also removes the job from the queue. So a job changes the database
exactly once. If the worker dies during a run, effects outside the database may happen
twice. A job with too much work for one transaction should work in batches
(`app.db.batches`), and return `Again` until all work is done.

A job that waits for an outside service is declared with `outside`:

    @job("payments.sync_payer", outside=True)

Such jobs have separate threads, so that a service that does not respond delays no other
jobs. The transaction of a job begins with the job's first statement. So such a job
calls the service first, and then writes. Recurring jobs have separate threads, too, so
that a long purge delays no other work.

This folder has other modules. `recurrence` schedules recurring jobs, and `job_runs`
runs a job. `worker_threads` has the threads that fetch due jobs. A worker process is
either `plain_worker`, which only runs these threads, or `celery_worker`, in which
`desks` receive the broker's messages. `app.platform.queues` contains the code that jobs
and emails share.
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

from app.core.features import discover
from app.core.tracing import traceparent
from app.db import clock
from app.db.insertion import insert_if_absent
from app.platform.models import Job, Lane
from app.platform.queues.leases import NEVER, PATIENCE
from app.platform.queues.wakes import Bell, job_bell, outside_bell, recurring_bell, ring_after

LEASE = timedelta(minutes=5)


@dataclass(frozen=True)
class Again:
    """The result of a job that has more work to do.

    The job runs again after `wait`, with `payload`.
    """

    wait: timedelta = timedelta()
    payload: Mapping[str, Any] = field(default_factory=dict)


Handler = Callable[[Session, dict[str, Any]], Again | None]


@dataclass(frozen=True)
class Failure:
    """A failed attempt at a job. After the last attempt, the job is a dead letter."""

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

    `every` is the interval of a recurring job. `outside` marks jobs that wait for
    outside services.
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
        """Return the key that ensures that a recurring job has only one row."""
        return f"recurring {self.name}"


TRACE = "traceparent"  # this key of a payload is removed before the job runs


class NotNow(Exception):
    """Raised by a job that should run again in a moment.

    The run counts neither as an attempt nor as a failure.
    """


class UnknownJob(LookupError):
    """No `jobs.py` declares a job of this kind."""


declared_kinds: dict[str, Kind] = {}
_in_hand: set[str] = set()
_in_hand_lock = Lock()


def job(
    kind: str, *, outside: bool = False, failed: FailureHandler | None = None
) -> Callable[[Handler], Handler]:
    """Declare the function that runs the jobs of this kind.

    The name begins with the name of the feature, such as `auth.purge`. `failed` is
    called after each failure, in the transaction that records it.
    """
    return lambda handler: _declare(Kind(kind, handler, outside=outside, failed=failed))


def recurring(
    kind: str, *, every: timedelta, outside: bool = False
) -> Callable[[Handler], Handler]:
    """Declare a job that runs once per interval, however many workers there are.

    The payload of the first run is empty.
    """
    return lambda handler: _declare(Kind(kind, handler, every, outside))


def _declare(kind: Kind) -> Handler:
    known = declared_kinds.setdefault(kind.name, kind)
    if known.run is not kind.run:
        raise ValueError(f"Two jobs have the name {kind.name!r}")
    return kind.run


@lru_cache
def job_kinds() -> Mapping[str, Kind]:
    """Return the jobs of all features.

    Raises `BrokenFeature` if a `jobs.py` cannot be imported.
    """
    importlib.import_module("app.platform.housekeeping")
    for feature in discover():
        feature.module("jobs")
    return declared_kinds


def enqueue(
    db: Session,
    kind: str,
    payload: dict[str, Any] | None = None,
    *,
    after: timedelta = timedelta(),
    key: str | None = None,
) -> None:
    """Queue a job, which runs after this transaction has committed and `after` has
    passed.

    If an unfinished job has the same `key`, nothing is queued, even if that job is
    already running. Raises `UnknownJob`.
    """
    if kind not in job_kinds():
        raise UnknownJob(kind)
    declared = job_kinds()[kind]
    due = {
        "due_at": clock.now(after),
        "give_up_at": NEVER if key == declared.key else clock.now(after + PATIENCE),
    }
    # The job continues the trace of the request that queued it.
    traced = {TRACE: parent} if (parent := traceparent()) else {}
    added = Job(
        kind=kind, payload={**(payload or {}), **traced}, key=key, lane=declared.lane, **due
    )
    if insert_if_absent(db, added, "uq_jobs_key"):
        ring_after(db, BELLS[declared.lane])


def is_enqueued(key: ColumnElement[str]) -> ColumnElement[bool]:
    """Return an SQL condition that is true if an unfinished job has this key."""
    return select(Job.id).where(Job.key == key).exists()


@contextmanager
def exclusive_job(what: str) -> Iterator[None]:
    """Ensure that no other job of this process works on `what` at the same time.

    Raises `NotNow` if another job does. If the job waited instead, it would block a
    thread that could run other jobs.
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
