"""While the database answers nobody, nobody waits for it.

Without this each request would find out by itself, one after the other: those that waited for their turn would wait
again for an answer that does not come.
"""

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from sqlalchemy import QueuePool
from sqlalchemy.exc import OperationalError

from app.core.logging import get_logger

LISTEN_SECONDS = 1.9  # a health check gives up sooner, and that proves nothing yet
TRY_SECONDS = 0.5  # between two attempts to find out whether the silence is over

log = get_logger(__name__)
_silences: dict[str, "Silence"] = {}


class DatabaseSilent(Exception):
    """A call to the database was cut, and nothing has answered since."""


class Silence:
    """Whether a database answers. It is silent once a call was cut and no other call was answered meanwhile.

    From then on no request finds out whether it still is: a thread of its own does, by connecting.
    """

    def __init__(self) -> None:
        self.heard_at = 0.0  # monotonic; written at the end of every call that was answered
        self.reach: Callable[[], Any] | None = None  # makes a connection
        self._missed_at = -1.0
        self._lock = threading.Lock()
        self._listening = False

    @property
    def lasts(self) -> bool:
        return self._missed_at >= self.heard_at

    def missed(self, began: float) -> None:
        """Note a call that began then and was never answered. One dead connection among living ones is no silence."""
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
        """Raise at once while the database is silent."""
        if self.lasts:
            raise OperationalError(None, None, DatabaseSilent("The database does not answer"))

    def _listen(self) -> None:
        while self._is_needed():
            began = time.monotonic()
            with suppress(Exception):  # a refusal is an answer, too
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
    """A file's: a statement that takes too long says nothing about the others."""

    def missed(self, began: float) -> None:
        pass


def silence_of(address: str) -> Silence:
    """All pools of this process that lead to the same database learn from each other."""
    return _silences.setdefault(address, Silence())


def pool_class(silence: Silence) -> type[QueuePool]:
    """A pool that gives out no connection to a database that is silent."""

    class Pool(QueuePool):
        __module__ = QueuePool.__module__  # which names its logger: its records are SQLAlchemy's, not ours

        def connect(self) -> Any:
            silence.refuse()
            return super().connect()

    return Pool
