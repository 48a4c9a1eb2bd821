"""Helpers for tests of jobs."""

from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.db.database import SessionLocal
from app.platform import jobs
from app.platform.models import Job
from tests.support.widgets import Widget


def enqueue(kind: str, payload: dict[str, Any] | None = None, **options: Any) -> None:
    with SessionLocal() as db, db.begin():
        jobs.enqueue(db, kind, payload, **options)


def purge(db: Session) -> None:
    """Run every purge once, as a worker does every hour."""
    db.flush()
    for name, kind in jobs.job_kinds().items():
        if name.startswith("purge."):
            kind.run(db, {})
    db.expire_all()


def widgets() -> int:
    """Return how many widgets the jobs have added."""
    with SessionLocal() as db:
        return db.scalars(select(func.count()).select_from(Widget)).one()


def rows() -> list[Any]:
    with SessionLocal() as db:
        return list(db.scalars(select(Job).order_by(Job.id)))
