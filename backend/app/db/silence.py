"""While the database does not respond, requests are refused immediately.

Otherwise each request would have to find this out for itself: it would wait for a
connection, and then for a response that does not come.
"""

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from sqlalchemy import QueuePool
from sqlalchemy.exc import OperationalError

from app.core.logging import get_logger

LISTEN_SECONDS = 1.9  # longer than a health check, which is too short to prove silence
TRY_SECONDS = 0.5  # between two attempts to connect

log = get_logger(__name__)
_silences: dict[str, "Silence"] = {}


class DatabaseSilent(Exception):
    """We cut off a database call, and the database has not responded since."""


class Silence:
    """The state of one database: silent or not.

    A database is silent if the watchdog has cut off a call, and no other call has been
    answered since that call began. While the database is silent, requests do not send
    anything to it. Instead, a separate thread tries to connect.
    """

    def __init__(self) -> None:
        self.heard_at = 0.0  # time.monotonic() at the end of the last call that was answered
        # This function opens a connection, to find out whether the database responds.
        self.reach: Callable[[], Any] | None = None
        self._missed_at = -1.0
        self._lock = threading.Lock()
        self._listening = False

    @property
    def lasts(self) -> bool:
        return self._missed_at >= self.heard_at

    def missed(self, began: float) -> None:
        """Record that the database never answered a call that began at this time.

        If another call has been answered since that time, only this connection is
        broken, and the database is not silent.
        """
        at = time.monotonic()
        if not self.heard_at < began <= at - LISTEN_SECONDS:
            return
        with self._lock:
            self._missed_at = at
            if self._listening:
                return
            self._listening = True
        log.error("database_silent")
        threading.Thread(target=self._listen, name="database listener", daemon=True).start()

    def refuse(self) -> None:
        """Raise an error if the database is silent."""
        if self.lasts:
            raise OperationalError(None, None, DatabaseSilent("The database does not respond"))

    def _listen(self) -> None:
        while self._is_needed():
            began = time.monotonic()
            with suppress(Exception):  # even a refusal is a response
                if self.reach:
                    self.reach().close()
            if time.monotonic() - began < LISTEN_SECONDS:
                self.heard_at = time.monotonic()
            else:
                time.sleep(TRY_SECONDS)
        log.info("database_answers")

    def _is_needed(self) -> bool:
        with self._lock:
            self._listening = self.lasts
            return self._listening


class NeverSilent(Silence):
    """The state of an SQLite file, which is never silent.

    If one statement is slow, this does not mean that others are.
    """

    def missed(self, began: float) -> None:
        pass


def silence_of(address: str) -> Silence:
    """Return the state that all pools of this process share for the same database."""
    return _silences.setdefault(address, Silence())


def pool_class(silence: Silence) -> type[QueuePool]:
    """Return a pool class that gives out no connection while the database is silent."""

    class Pool(QueuePool):
        # SQLAlchemy names the logger of a pool after this attribute. With this value,
        # the records of the pool appear as SQLAlchemy's own.
        __module__ = QueuePool.__module__

        def connect(self) -> Any:
            silence.refuse()
            return super().connect()

    return Pool
