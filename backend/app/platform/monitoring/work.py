"""Counts and times the statements of each request and job, and logs slow statements."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

from prometheus_client import Histogram
from starlette.types import Scope

from app.core.config import get_settings
from app.db.watching.slow_statements import report_slow
from app.db.watching.tally import Tally, current

from . import metrics

NEVER = float("inf")
AS_GET = "liftoff.as_get"  # the key of the scope for the `GET` that serves a `HEAD`
COUNTS = (1, 2, 3, 5, 8, 13, 21, 50)
BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5)

statements = Histogram(
    "http_request_statements",
    "Number of SQL statements of a request that uses the database.",
    ["method", "route"],
    buckets=COUNTS,
)
seconds = Histogram(
    "http_request_database_seconds",
    "Time for which a request waits for the database.",
    ["method", "route"],
    buckets=BUCKETS,
)


class RequestTally(Tally):
    """The statements of one request."""

    __slots__ = ("_scope",)

    def __init__(self, scope: Scope, slow_after: float) -> None:
        super().__init__(slow_after)
        self._scope = scope

    def report(self, statement: str, values: Any, seconds: float) -> None:
        method, route = metrics.labels_of(self._scope.get(AS_GET, self._scope))
        report_slow({"method": method, "route": route}, statement, values, seconds)

    def observe(self, method: str, route: str) -> None:
        """Add this request to the metrics, unless it used no database."""
        if self.statements:
            of_statements, of_seconds = _series(method, route)
            of_statements.observe(self.statements)
            of_seconds.observe(self.seconds)

    @property
    def server_timing(self) -> bytes:
        """Return the value of `Server-Timing`, which browsers show to developers."""
        number = f"{self.statements} statement{'' if self.statements == 1 else 's'}"
        return f'db;dur={self.seconds * 1000:.1f};desc="{number}"'.encode()


class JobTally(Tally):
    """The statements of one job."""

    __slots__ = ("_kind",)

    def __init__(self, kind: str) -> None:
        super().__init__(slow_after(get_settings().slow_statement_seconds))
        self._kind = kind

    def report(self, statement: str, values: Any, seconds: float) -> None:
        report_slow({"job": self._kind}, statement, values, seconds)


@contextmanager
def tally_of_job(kind: str) -> Iterator[JobTally]:
    """Count the statements of a job inside the block."""
    tally = JobTally(kind)
    before = current.set(tally)
    try:
        yield tally
    finally:
        current.reset(before)


def slow_after(seconds: float) -> float:
    """Return the limit for a `Tally`. A setting of 0 means that nothing is slow."""
    return seconds or NEVER


# The cache stays small: it has one entry for each combination of route and method that
# occurs.
@cache
def _series(method: str, route: str) -> tuple[Histogram, Histogram]:
    return statements.labels(method, route), seconds.labels(method, route)
