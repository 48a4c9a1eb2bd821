"""While the database answers nobody, nobody waits for it.

Without this each request would find out by itself, one after the other: those that waited for their turn would wait
again for an answer that does not come.
"""

import threading
import time
from functools import lru_cache
from typing import Any

from sqlalchemy import QueuePool
from sqlalchemy.exc import OperationalError

LISTEN_SECONDS = 1.9  # a health check gives up sooner, and that proves nothing yet
TRY_SECONDS = 1.0  # while it is silent one caller a second may find out whether it still is


class DatabaseSilent(Exception):
    """Calls to the database were cut, and nothing has answered since."""


class Silence:
    """Whether a database answers. It is silent once a call was cut and no other call was answered meanwhile."""

    def __init__(self) -> None:
        self.heard_at = 0.0  # monotonic; written at the end of every call that was answered
        self._missed_at = -1.0
        self._try_at = 0.0
        self._tester = 0
        self._lock = threading.Lock()

    @property
    def lasts(self) -> bool:
        return self._missed_at >= self.heard_at

    def missed(self, began: float) -> None:
        """Note a call that began then and was never answered. One dead connection among living ones is no silence."""
        at = time.monotonic()
        if self.heard_at < began <= at - LISTEN_SECONDS:
            self._missed_at = at

    def refuse(self) -> None:
        """Raise at once while the database is silent, except for the one caller that finds out."""
        if self.lasts and not self._is_due():
            _raise()

    def refuse_to_connect(self) -> None:
        """The same for a caller that goes on to connect: having found one silent connection, it tries no second."""
        if self.lasts and self._tester != threading.get_ident():
            _raise()

    def _is_due(self) -> bool:
        with self._lock:
            due = time.monotonic() >= self._try_at
            if due:
                self._try_at = time.monotonic() + TRY_SECONDS
                self._tester = threading.get_ident()
            return due


class NeverSilent(Silence):
    """A file's: a statement that takes too long says nothing about the others."""

    def missed(self, began: float) -> None:
        pass


def _raise() -> None:
    raise OperationalError(None, None, DatabaseSilent("The database does not answer"))


@lru_cache
def silence_of(address: str) -> Silence:
    """All pools of this process that lead to the same database learn from each other."""
    return Silence()


def pool_class(silence: Silence) -> type[QueuePool]:
    """A pool that gives out no connection to a database that is silent."""

    class Pool(QueuePool):
        __module__ = QueuePool.__module__  # which names its logger: its records are SQLAlchemy's, not ours

        def connect(self) -> Any:
            silence.refuse()
            return super().connect()

    return Pool
