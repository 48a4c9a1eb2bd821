"""Measures how long work has been waiting.

A long wait tells an operator that the workers are down, stuck or too few.
"""

from collections.abc import Callable, Iterator

from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector
from sqlalchemy import ColumnElement, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from app.core.config import get_settings
from app.core.logging import get_logger
from app.db import clock
from app.db.database import SideSession
from app.db.totals import count_up_to
from app.platform.models import Job, Mail, Priority
from app.platform.queues.leases import Leased

LATE_SECONDS = 300.0

COUNTED = 10_000  # maximum rows to count of each kind and state, because counting takes time

Measure = Callable[[Session], float]

log = get_logger(__name__)
_measures: dict[str, tuple[str, Measure]] = {}


def measured(name: str, about: str) -> Callable[[Measure], Measure]:
    """Declare a gauge of a feature. The function is called for each scrape."""

    def declare(read: Measure) -> Measure:
        _measures[name] = about, read
        return read

    return declare


def is_late(db: Session) -> bool:
    """Return whether a job or an email is overdue.

    Held-back emails do not count.
    """
    return max(seconds_waiting(db).values()) > LATE_SECONDS


def seconds_waiting(db: Session) -> dict[str, float]:
    """Return how many seconds the oldest job and the oldest email have been due."""
    found = {"job": seconds_due(db, Job)}
    if get_settings().smtp_host:  # without a mail server, emails may wait forever
        ours = (Priority.LINK, Priority.NOTICE)
        found["email"] = max(_mails_due(db, priority) for priority in ours)
    return found


def seconds_due(db: Session, model: type[Leased], *which: ColumnElement[bool]) -> float:
    """Return how many seconds the oldest waiting row has been due, or 0.

    This reads one entry of an index.
    """
    due = select(model.due_at, clock.now()).where(model.due_at.is_not(None), *which)
    for due_at, at in db.execute(due.order_by(model.due_at).limit(1)):
        assert due_at
        return max(0.0, (at - due_at).total_seconds())
    return 0.0


def _mails_due(db: Session, priority: Priority) -> float:
    return seconds_due(db, Mail, Mail.priority == priority)


class Backlog(Collector):
    """The waiting times as metrics, read from the database for each scrape."""

    def collect(self) -> Iterator[GaugeMetricFamily]:
        try:
            with SideSession() as db:
                yield from _gauges(db)
        except SQLAlchemyError as error:
            log.warning("backlog_unknown", reason=str(error))


def _gauges(db: Session) -> Iterator[GaugeMetricFamily]:
    jobs, mails = seconds_due(db, Job), seconds_due(db, Mail)
    held_back = _mails_due(db, Priority.HELD_BACK)
    oldest = "Seconds since the oldest {} became due. 0 if nothing is due."
    for name, what, seconds in (
        ("liftoff_jobs_oldest_due_seconds", "job", jobs),
        ("liftoff_mails_oldest_due_seconds", "email", mails),
        ("liftoff_mails_held_back_seconds", "held-back email to strangers", held_back),
    ):
        yield GaugeMetricFamily(name, oldest.format(what), seconds)
    for name, (about, read) in _measures.items():
        yield GaugeMetricFamily(name, about, read(db))
    rows = GaugeMetricFamily(
        "liftoff_work_rows",
        f"Number of jobs and emails by state. At most {COUNTED} of each are counted.",
        labels=["kind", "state"],
    )
    for kind, model in (("job", Job), ("email", Mail)):
        for state, matches in (
            ("waiting", model.due_at.is_not(None)),
            ("dead", model.is_dead_letter()),
        ):
            number = count_up_to(db, select(model.id).where(matches), COUNTED)
            rows.add_metric([kind, state], number)
    yield rows


registry = CollectorRegistry()
registry.register(Backlog())
