"""While the database does not respond, requests are refused at once instead of waiting
for it.

Without this, each request would find out by itself, one after the other. A request that
had waited for a connection would then wait again for a response that never comes.
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
TRY_SECONDS = 0.5  # between two attempts to connect

log = get_logger(__name__)
_silences: dict[str, "Silence"] = {}


class DatabaseSilent(Exception):
    """A call to the database was cut, and the database has not responded since."""


class Silence:
    """Whether a database is silent: a call was cut, and no other call was answered
    meanwhile.

    From then on no request tries the database. A separate thread does, by connecting.
    """

    def __init__(self) -> None:
        self.heard_at = 0.0  # monotonic; set at the end of every call that was answered
        self.reach: Callable[[], Any] | None = None  # opens a connection
        self._missed_at = -1.0
        self._lock = threading.Lock()
        self._listening = False

    @property
    def lasts(self) -> bool:
        return self._missed_at >= self.heard_at

    def missed(self, began: float) -> None:
        """Record a call that began then and was never answered.

        A single dead connection among living ones is not a silence.
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
        """Raise an error at once if the database is silent."""
        if self.lasts:
            raise OperationalError(None, None, DatabaseSilent("The database does not respond"))

    def _listen(self) -> None:
        while self._is_needed():
            began = time.monotonic()
            with suppress(Exception):  # a refusal is a response, too
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
    """The silence of a file, which never begins.

    A slow statement in a file says nothing about other statements.
    """

    def missed(self, began: float) -> None:
        pass


def silence_of(address: str) -> Silence:
    """Return the state that all pools of this process share for the same database."""
    return _silences.setdefault(address, Silence())


def pool_class(silence: Silence) -> type[QueuePool]:
    """Return a class of pools that hand out no connection while the database is
    silent.
    """

    class Pool(QueuePool):
        # This names its logger, so that its records appear as SQLAlchemy's.
        __module__ = QueuePool.__module__

        def connect(self) -> Any:
            silence.refuse()
            return super().connect()

    return Pool
