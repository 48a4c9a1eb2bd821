"""How late the purges are, as Prometheus reads it: the age of the first row of each table that should be gone.

It is asked of the database and not of a worker: that the worker is dead is what it may have to tell.
"""

import time
from collections.abc import Iterator
from threading import Lock

from prometheus_client import CollectorRegistry, Metric
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector
from sqlalchemy.exc import SQLAlchemyError

from app.core.logging import get_logger
from app.db.database import SideSession

from . import purges

FRESH = 60.0  # seconds that an answer is given again, however often it is asked for


class PurgeCollector(Collector):
    """One look at an index for each purge, at most once in `FRESH` seconds."""

    def __init__(self) -> None:
        self._asking = Lock()
        self._asked_at = -FRESH
        self._seconds: dict[str, float] = {}

    def describe(self) -> list[Metric]:
        return []  # so that registering it asks nothing

    def collect(self) -> Iterator[Metric]:
        gauge = GaugeMetricFamily(
            "liftoff_purge_overdue_seconds",
            "For how long the first expired row of a table has been waiting to be deleted.",
            labels=["table"],
        )
        for table, seconds in self._read().items():
            gauge.add_metric([table], seconds)
        yield gauge

    def _read(self) -> dict[str, float]:
        """What was read last while somebody else reads, or where the database is away."""
        if time.monotonic() - self._asked_at < FRESH or not self._asking.acquire(blocking=False):
            return self._seconds
        try:
            with SideSession() as db:
                self._seconds = {table: late.total_seconds() for table, late in purges.overdue(db).items()}
        except SQLAlchemyError as error:
            get_logger(__name__).warning("purges_unknown", reason=str(error))
        finally:
            self._asked_at = time.monotonic()
            self._asking.release()
        return self._seconds


collector = PurgeCollector()
registry = CollectorRegistry()
registry.register(collector)
