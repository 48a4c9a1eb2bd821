"""Prometheus metrics of overdue purges: how long the first expired row of each table
has been waiting to be deleted.

The values come from the database rather than from a worker, because the worker may have
died.
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
from app.platform import purges

FRESH = 60.0  # seconds for which a result is reused, however often Prometheus scrapes


class PurgeCollector(Collector):
    """Reads one index per purge, at most once every `FRESH` seconds."""

    def __init__(self) -> None:
        self._asking = Lock()
        self.asked_at = -FRESH
        self._seconds: dict[str, float] = {}

    def describe(self) -> list[Metric]:
        return []  # registering this collector must not query the database

    def collect(self) -> Iterator[Metric]:
        gauge = GaugeMetricFamily(
            "liftoff_purge_overdue_seconds",
            "Seconds that the first expired row of a table has been waiting to be deleted.",
            labels=["table"],
        )
        for table, seconds in self._read().items():
            gauge.add_metric([table], seconds)
        yield gauge

    def _read(self) -> dict[str, float]:
        """Return the overdue seconds of each table.

        While another thread reads, and while the database is unavailable, the previous
        values are returned.
        """
        if time.monotonic() - self.asked_at < FRESH or not self._asking.acquire(blocking=False):
            return self._seconds
        try:
            with SideSession() as db:
                self._seconds = {
                    table: late.total_seconds() for table, late in purges.overdue_purges(db).items()
                }
        except SQLAlchemyError as error:
            get_logger(__name__).warning("purges_unknown", reason=str(error))
        finally:
            self.asked_at = time.monotonic()
            self._asking.release()
        return self._seconds


collector = PurgeCollector()
registry = CollectorRegistry()
registry.register(collector)
