"""Measures how long work has been waiting.

A long wait tells an operator that the workers are down, stuck or too few.
"""

from collections.abc import Iterator

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
from app.platform.models import Job, Mail, Priority
from app.platform.queues.leases import Leased

LATE_SECONDS = 300.0

log = get_logger(__name__)


def is_late(db: Session) -> bool:
    """Return whether a job or an email has been due for minutes.

    Held-back emails do not count.
    """
    others = [seconds_due(db, Job)]
    if get_settings().smtp_host:  # without a mail server, emails may wait forever
        others += [_mails_due(db, priority) for priority in (Priority.LINK, Priority.NOTICE)]
    return max(others) > LATE_SECONDS


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
                jobs, mails = seconds_due(db, Job), seconds_due(db, Mail)
                held_back = _mails_due(db, Priority.HELD_BACK)
        except SQLAlchemyError as error:
            log.warning("backlog_unknown", reason=str(error))
            return
        oldest = "Seconds that the oldest {} has been due. 0 if there are none."
        for name, what, seconds in (
            ("liftoff_jobs_oldest_due_seconds", "job", jobs),
            ("liftoff_mails_oldest_due_seconds", "email", mails),
            ("liftoff_mails_held_back_seconds", "held-back email to strangers", held_back),
        ):
            yield GaugeMetricFamily(name, oldest.format(what), seconds)


registry = CollectorRegistry()
registry.register(Backlog())
