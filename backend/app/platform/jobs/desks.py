"""Desks: where the messages of one queue arrive in a Celery worker.

A message only says that there may be work. In response, the desk starts a look: a
thread takes one due row after another until it finds none. A desk allows a limited
number of looks at the same time. If a message arrives while that many looks are in
progress, no further look is needed. One of the looks in progress notices the message,
and searches for rows once more before it ends.
"""

import time
from collections.abc import Callable
from threading import Event, Lock, get_ident

from sqlalchemy.exc import SQLAlchemyError

from app.core.logging import get_logger

from .worker_threads import STUCK_SECONDS, Crew, schema_fits

LOOK_SECONDS = 60.0  # a look ends after this time, and the next message starts another

log = get_logger(__name__)


class Desk:
    """The looks of one crew in this process, at most `crew.threads` at the same time.

    This limit ensures that one kind of work never takes the threads of another kind.
    """

    def __init__(
        self, crew: Crew, stopping: Event, is_ready: Callable[[], bool] = schema_fits
    ) -> None:
        self.crew = crew
        self.heard_at = time.monotonic()
        self._stopping = stopping
        self._is_ready = is_ready
        self._lock = Lock()
        self._messages = 0
        # For each look, by its thread: when the look began its current row.
        self._turned_at: dict[int, float] = {}

    def look(self) -> int:
        """Do the work that this message announces, and return the number of rows."""
        if not self._sit_down():
            return 0
        rows, until = 0, time.monotonic() + LOOK_SECONDS
        try:
            while not self._stopping.is_set() and time.monotonic() < until:
                heard = self._messages
                self._turned_at[get_ident()] = time.monotonic()
                if self._is_ready() and self.crew.work():
                    rows += 1
                elif self._leave(heard):
                    return rows
        except SQLAlchemyError as error:
            log.warning("worker_waits", reason=str(error))
        except Exception:
            log.exception("worker_failed")
        self._leave(None)
        return rows

    def is_idle(self) -> bool:
        return not self._turned_at

    def is_stuck(self) -> bool:
        """Return whether a look has worked on one row for longer than a lease."""
        long_ago = time.monotonic() - STUCK_SECONDS
        with self._lock:
            return any(turned_at < long_ago for turned_at in self._turned_at.values())

    def _sit_down(self) -> bool:
        with self._lock:
            self._messages += 1
            self.heard_at = time.monotonic()
            if len(self._turned_at) >= self.crew.threads:
                return False
            self._turned_at[get_ident()] = time.monotonic()
            return True

    def _leave(self, heard: int | None) -> bool:
        """End this look, unless a message has arrived since `heard`."""
        with self._lock:
            if heard is not None and heard != self._messages:
                return False
            del self._turned_at[get_ident()]
            return True
