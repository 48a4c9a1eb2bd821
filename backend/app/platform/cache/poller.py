"""Learns of changes by other processes. One thread per process polls twice a second.

The thread reads the marks of `app.db.changes`. While another process has marked a name,
each poll discards every response that depends on this name. The poll also finds rows
that have become due.
"""

import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from threading import Event, Thread

from fastapi.concurrency import run_in_threadpool
from sqlalchemy import literal, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from app.core.config import Settings
from app.core.logging import get_logger
from app.db import changes, clock
from app.db.changes import CacheMark
from app.db.database import HealthSession

from . import watches
from .messages import Messages

EVERY_SECONDS = 0.5
POLLER = "cache poller"  # the name of its thread
# A poll reads all marks up to this age, because a mark becomes visible only with the
# COMMIT of its transaction. No COMMIT takes longer than this.
LOOK_BACK = timedelta(seconds=75)

log = get_logger(__name__)


@asynccontextmanager
async def polling(settings: Settings) -> AsyncIterator[None]:
    """Poll for changes inside the block, if any cache is in use."""
    if not (settings.cache_enabled or settings.identity_cache_seconds):
        yield
        return
    poller = Poller()
    await run_in_threadpool(poller.start)
    try:
        yield
    finally:
        await run_in_threadpool(poller.stop)


class Poller:
    """The thread that polls. `start` returns when the first poll has ended."""

    def __init__(self) -> None:
        self._stopping = Event()
        self._polled = Event()
        self._thread = Thread(target=self._run, name=POLLER, daemon=True)
        self._seen: dict[int, datetime] = {}
        self._before: datetime | None = None
        self._messages = Messages(watches.change)

    def start(self) -> None:
        self._thread.start()
        self._polled.wait(EVERY_SECONDS)

    def stop(self) -> None:
        self._stopping.set()
        self._thread.join(EVERY_SECONDS * 4)
        self._messages.close()

    def _run(self) -> None:
        failing = False
        while not self._stopping.is_set():
            began = time.monotonic()
            try:
                self.poll()
            except SQLAlchemyError as error:
                if not failing:
                    log.warning("cache_poll_failed", reason=str(error))
                failing = True
            else:
                failing = False
                watches.freshness.renew(began)
            self._polled.set()
            self._rest(began + EVERY_SECONDS)

    def _rest(self, until: float) -> None:
        while not self._stopping.is_set() and (left := until - time.monotonic()) > 0:
            self._messages.wait(left, self._stopping)

    def poll(self) -> None:
        """Read the marks and the due times once. Raises `SQLAlchemyError`."""
        with HealthSession() as db:
            db.connection(execution_options={"reading": True})
            now = clock.read_database_time(db)
            changed = set(self._changed(db, now))
            due = [watch for watch in watches.all_watches() if self._is_due(db, watch, now)]
        watches.change(changed)
        for watch in due:
            watch.change()
        self._before = now

    def _changed(self, db: Session, now: datetime) -> Iterator[str]:
        """Return the names that other processes may have marked since the last poll."""
        before = self._before or now
        columns = (CacheMark.id, CacheMark.name, CacheMark.process, CacheMark.hot_until)
        known = set(self._seen)
        for mark_id, name, process, hot_until in db.execute(
            select(*columns).where(CacheMark.hot_until > now - LOOK_BACK)
        ):
            if process != changes.process and (hot_until > before or mark_id not in known):
                yield name
            self._seen[mark_id] = hot_until
        gone = [one for one in known if self._seen[one] < now - LOOK_BACK]
        for mark_id in gone:
            del self._seen[mark_id]

    def _is_due(self, db: Session, watch: watches.Watch, now: datetime) -> bool:
        """Return whether a row has become due since the last poll."""
        if watch.due is None or self._before is None:
            return False
        column, *conditions = watch.due
        passed = (column > self._before, column <= now)
        return db.scalar(select(literal(1)).where(*conditions, *passed).limit(1)) is not None
