"""Decides which replica a read may use, by how much of the primary's log it has
replayed.

Each replica has a thread, which asks both servers a few times a second. The thread
first asks the primary for the position at which its log (WAL) ends, and then asks the
replica up to which position it has replayed that log. Once a replica has reached a
position, it has everything that the primary had committed before the thread asked for
that position. No clocks are compared, and a primary without writes does not make a
replica look late.

A replica whose thread has not confirmed anything for `LATE_SECONDS` is not used. This
one rule covers a replica that is dead, frozen, late or unreachable, and a primary that
does not respond.

The thread asks each server with a single statement, so this also works through a
pooler.
"""

import math
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from itertools import count
from threading import Event, Thread
from typing import Literal

from pydantic import SecretStr
from sqlalchemy import Engine, text
from sqlalchemy.exc import SQLAlchemyError

from app.core.config import get_settings
from app.core.logging import get_logger

from .deadlines import cut_calls
from .engines import Limits, make_engine
from .silence import silence_of
from .urls import normalise_database_url

EVERY_SECONDS = 0.2
LATE_SECONDS = 1.0
ASK = Limits(0.5, trying=0.5, turn=0.5)
FROZEN_SECONDS = 0.4  # seconds; if a failure took longer, the server did not respond
STOP_SECONDS = 5.0
POSITIONS = 50  # how many of the primary's positions are remembered: those of ten seconds

CLUSTER = "(SELECT system_identifier FROM pg_control_system())"
# The primary acknowledges a commit only after it has written the commit to its log. So
# all acknowledged commits are before this position.
PRIMARY = f"SELECT pg_current_wal_lsn() - '0/0', {CLUSTER}"
REPLICA = f"SELECT pg_is_in_recovery(), pg_last_wal_replay_lsn() - '0/0', {CLUSTER}"

State = Literal["ok", "late", "unreachable", "promoted", "another cluster"]

log = get_logger(__name__)


class Replica:
    """A replica, its connections for reads, and the thread that watches it."""

    def __init__(self, url: SecretStr, primary: Engine) -> None:
        settings = get_settings().model_copy(update={"database_url": url})
        parsed = normalise_database_url(url.get_secret_value())
        # A metric and a log show this name, so it contains neither user nor password.
        self.name = f"{parsed.host or 'localhost'}:{parsed.port or 5432}"
        self.engine = make_engine(
            settings,
            # An admitted request takes at most one connection of each server.
            pool_size=settings.database_pool_size,
            max_overflow=settings.database_max_overflow,
            name="liftoff reads",
        )
        self._asked = make_engine(
            settings, pool_size=1, max_overflow=0, name="liftoff replicas", limits=ASK
        )
        self._primary = primary
        self._silence = silence_of(str(parsed))
        self._positions: deque[tuple[float, int]] = deque(maxlen=POSITIONS)
        self._current_as_of = -math.inf
        self._state: State = "unreachable"

    @property
    def state(self) -> State:
        return "late" if self._state == "ok" and self.lag > LATE_SECONDS else self._state

    @property
    def lag(self) -> float:
        """Return the maximum number of seconds by which the replica is behind the
        primary.

        The value is infinite until the replica has responded for the first time.
        """
        return time.monotonic() - self._current_as_of

    def has_everything_before(self, moment: float) -> bool:
        """Return whether the replica has all commits before this monotonic time and is
        not late.
        """
        as_of = self._current_as_of
        return (
            self._state == "ok"
            and as_of > moment
            and time.monotonic() - as_of <= LATE_SECONDS
            and not self._silence.lasts
        )

    def note_failure(self) -> None:
        """Do not use this replica until it has responded again."""
        self._current_as_of = -math.inf

    def watch(self, stopping: Event) -> None:
        """Call `ask` repeatedly, until the application stops."""
        while not stopping.wait(EVERY_SECONDS):
            before = self.state
            self.ask()
            if self.state != before:
                level = log.info if self.state == "ok" else log.warning
                level("replica_state", replica=self.name, state=self.state)

    def ask(self) -> None:
        """Find out how much of the primary's log the replica has."""
        asked_at = time.monotonic()
        try:
            with self._primary.connect() as connection:
                position, cluster = connection.execute(text(PRIMARY)).one()
        except SQLAlchemyError:
            return  # after `LATE_SECONDS` without the primary, the replica counts as late
        self._positions.append((asked_at, int(position)))
        began = time.monotonic()
        try:
            with self._asked.connect() as connection:
                recovers, replayed, own_cluster = connection.execute(text(REPLICA)).one()
        except SQLAlchemyError:
            self._state, self._current_as_of = "unreachable", -math.inf
            if time.monotonic() - began > FROZEN_SECONDS:
                cut_calls(self._silence)  # reads that wait for this replica continue at the primary
            return
        if not recovers or own_cluster != cluster:
            self._state = "another cluster" if own_cluster != cluster else "promoted"
            return
        self._state = "ok"
        reached = [at for at, theirs in self._positions if theirs <= int(replayed or 0)]
        if reached:
            self._current_as_of = reached[-1]

    def close(self) -> None:
        self.engine.dispose()
        self._asked.dispose()


class Replicas:
    """All replicas, which serve reads in rotation."""

    def __init__(self, urls: list[SecretStr]) -> None:
        self._primary: Engine | None = None
        if urls:
            self._primary = make_engine(
                get_settings(),
                pool_size=len(urls),
                max_overflow=0,
                name="liftoff replicas",
                limits=ASK,
            )
        self.all = [Replica(url, self._primary) for url in urls] if self._primary else []
        self._turns = count()

    def choose(self, moment: float) -> Replica | None:
        """Return a replica that has all commits before this monotonic time, if any."""
        fit = [one for one in self.all if one.has_everything_before(moment)]
        return fit[next(self._turns) % len(fit)] if fit else None

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Watch the replicas inside the block, each in a separate thread."""
        stopping = Event()
        threads = [
            Thread(target=one.watch, args=(stopping,), name=f"replica {one.name}", daemon=True)
            for one in self.all
        ]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            stopping.set()
            for thread in threads:
                thread.join(STOP_SECONDS)
            for one in self.all:
                one.close()
            if self._primary:
                self._primary.dispose()


@lru_cache
def replicas() -> Replicas:
    """Return the replicas of this process."""
    return Replicas(get_settings().database_replica_urls)
