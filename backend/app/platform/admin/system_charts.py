"""Plots of the platform: queued work, and slow routes."""

from datetime import timedelta

from prometheus_client.metrics_core import Metric
from sqlalchemy import case, func, select
from sqlalchemy.orm import Session

from app.db import clock
from app.platform.models import Job, Mail
from app.platform.monitoring.metrics import request_durations
from app.platform.queues.leases import Leased

from .views import Chart, Figure, Series

LOOKED_AT = 10_000  # the most rows of due work that are read
ROUTES = 6
AGES = {
    "under 1 min": timedelta(minutes=1),
    "5 min": timedelta(minutes=5),
    "1 h": timedelta(hours=1),
    "1 day": timedelta(days=1),
}
OLDER = "older"


def _by_age(db: Session, model: type[Leased]) -> Figure:
    """Count the work that is due, by the time for which it has been due."""
    due = select(model.due_at).where(model.due_at <= clock.now())
    oldest = due.order_by(model.due_at).limit(LOOKED_AT).subquery()
    age = case(
        *((oldest.c.due_at > clock.now(-longest), name) for name, longest in AGES.items()),
        else_=OLDER,
    )
    aged = select(age.label("age")).select_from(oldest).subquery()
    counted = select(aged.c.age, func.count()).group_by(aged.c.age)
    found = {str(name): float(number) for name, number in db.execute(counted)}
    points = [(name, found.get(name, 0.0)) for name in (*AGES, OLDER)]
    return Figure(f"{int(sum(found.values())):,}", [Series("Due", points)], "due, by age")


def _jobs(db: Session) -> Figure:
    return _by_age(db, Job)


def _mails(db: Session) -> Figure:
    return _by_age(db, Mail)


def _slow_routes(_db: Session) -> Figure:
    """Return the routes with the longest mean time since this process started."""
    means = sorted(_means(request_durations()).items(), key=lambda item: -item[1])[:ROUTES]
    points = [(name, round(mean * 1000, 1)) for name, mean in means]
    slowest = f"{points[0][1]:g} ms" if points else "-"
    return Figure(slowest, [Series("Mean time of this process in ms", points)])


def _means(metrics: list[Metric]) -> dict[str, float]:
    sums: dict[str, float] = {}
    counts: dict[str, float] = {}
    for sample in (one for metric in metrics for one in metric.samples):
        name = f"{sample.labels.get('method')} {sample.labels.get('route')}"
        if sample.name.endswith("_sum"):
            sums[name] = sums.get(name, 0.0) + sample.value
        elif sample.name.endswith("_count"):
            counts[name] = counts.get(name, 0.0) + sample.value
    return {name: sums[name] / count for name, count in counts.items() if count}


CHARTS = (
    Chart("jobs", "Jobs that wait", _jobs, kind="bars"),
    Chart("mails", "Emails that wait", _mails, kind="bars"),
    Chart("slow-routes", "Slowest routes", _slow_routes, kind="ranks"),
)
