"""Prometheus metrics of a process's connections, its cache, and waiting requests.

Several processes write their values into the shared folder every few seconds, because
only one of them serves a scrape. A single process sets the values for each scrape.
"""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from threading import Event, Thread
from typing import Any

from prometheus_client import Counter, Gauge
from sqlalchemy import QueuePool
from sqlalchemy.orm import sessionmaker

from app.db.database import (
    HealthSession,
    SessionLocal,
    SideSession,
    WorkerSession,
    admission,
)
from app.db.replicas import replicas
from app.platform.cache.callers import callers
from app.platform.cache.entries import Entries, entries

from . import replica_metrics

EVERY_SECONDS = 2.0

SIZE = Gauge(
    "liftoff_pool_size",
    "Maximum number of connections that a pool keeps open.",
    ["pool"],
    multiprocess_mode="livesum",
)
CHECKED_OUT = Gauge(
    "liftoff_pool_checked_out",
    "Number of connections of a pool that are in use.",
    ["pool"],
    multiprocess_mode="livesum",
)
OVERFLOW = Gauge(
    "liftoff_pool_overflow",
    "Number of open connections of a pool above its size.",
    ["pool"],
    multiprocess_mode="livesum",
)
SLOTS = Gauge(
    "liftoff_admission_slots",
    "Maximum number of requests that may use the database at the same time.",
    multiprocess_mode="livesum",
)
IN_USE = Gauge(
    "liftoff_admission_in_use",
    "Number of requests that use the database now.",
    multiprocess_mode="livesum",
)
WAITING = Gauge(
    "liftoff_admission_waiting",
    "Number of requests that wait to use the database.",
    multiprocess_mode="livesum",
)
CACHED = Counter(
    "liftoff_cache_lookups",
    "Requests for a cached route. A hit was sent from the cache, and a miss was not.",
    ["cache", "result"],
)
CACHES = {"public": entries, "caller": callers.entries}
SESSIONS: Mapping[str, sessionmaker[Any]] = {
    "requests": SessionLocal,
    "side": SideSession,
    "worker": WorkerSession,
    "health": HealthSession,
}


def sample() -> None:
    """Set all gauges to the current values of this process."""
    for name, session in SESSIONS.items():
        _sample_pool(name, session.kw["bind"].engine.pool)
    for replica in replicas().all:
        _sample_pool(f"replica {replica.name}", replica.engine.pool)
    in_use, waiting = admission.usage()
    SLOTS.set(admission.slots)
    IN_USE.set(in_use)
    WAITING.set(waiting)
    replica_metrics.sample()
    for name, kept in CACHES.items():
        _count_lookups(name, kept)


def sample_for_scrape() -> None:
    """Set the gauges, unless each process writes its gauges into the shared folder."""
    if not is_shared():
        sample()


def is_shared() -> bool:
    return "PROMETHEUS_MULTIPROC_DIR" in os.environ


@contextmanager
def sampling() -> Iterator[None]:
    """Keep the gauges current inside the block, if processes share a folder."""
    if not is_shared():
        yield
        return
    stopping = Event()

    def run() -> None:
        sample()
        while not stopping.wait(EVERY_SECONDS):
            sample()

    thread = Thread(target=run, name="metrics sampler", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stopping.set()
        thread.join(EVERY_SECONDS)


def _sample_pool(name: str, pool: object) -> None:
    if isinstance(pool, QueuePool):
        SIZE.labels(name).set(pool.size())
        CHECKED_OUT.labels(name).set(pool.checkedout())
        OVERFLOW.labels(name).set(max(0, pool.overflow()))


def _count_lookups(name: str, kept: Entries) -> None:
    """Add the hits and misses that were counted since the last call.

    Requests increment plain numbers, because incrementing a metric takes nearly as long
    as sending a cached response.
    """
    hits, kept.hits = kept.hits, 0
    misses, kept.misses = kept.misses, 0
    CACHED.labels(name, "hit").inc(hits)
    CACHED.labels(name, "miss").inc(misses)
