"""How a worker does jobs: one at a time, each in a transaction that also strikes it off."""

from datetime import timedelta
from functools import lru_cache

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from app.core.logging import get_logger
from app.core.types import now
from app.db.database import WorkerSession

from . import leases
from .jobs import Again, Failure, Kind, enqueue, kinds
from .models import Job

LEASE = timedelta(minutes=5)

log = get_logger(__name__)


@lru_cache
def plan_recurring() -> None:
    """See to it, once in this process, that each recurring job has its row, due no later than its interval says."""
    with WorkerSession() as db, db.begin():
        for kind in kinds().values():
            if kind.every is None:
                continue
            key = f"recurring {kind.name}"
            latest = now() + kind.every
            db.execute(update(Job).where(Job.key == key, Job.due_at > latest).values(due_at=latest))
            if db.scalar(select(Job.id).where(Job.key == key)) is None:
                enqueue(db, kind.name, key=key)


def run_next(*, outside: bool | None = None) -> bool:
    """Do the job that is due: of those that wait for others, of those that do not, or of all. False when there is none.

    Jobs of kinds that this code does not know are left to newer code: that is a rolling deployment.
    """
    plan_recurring()
    mine = [kind.name for kind in kinds().values() if outside in (None, kind.outside)]
    with WorkerSession() as db, db.begin():
        job = leases.claim(db, Job, LEASE, Job.kind.in_(mine))
    if job is None:
        return False
    kind = kinds()[job.kind]
    try:
        with WorkerSession() as db, db.begin():
            _strike_off(db, job, kind, kind.run(db, dict(job.payload)))
    except leases.LeaseLost:
        log.warning("job_taken_over", kind=job.kind, id=job.id)
    except Exception as error:
        log.exception("job_failed", kind=job.kind, id=job.id, attempts=job.attempts)
        _fail(job, kind, f"{type(error).__name__}: {error}")
    else:
        log.info("job_done", kind=job.kind, id=job.id, attempts=job.attempts)
    return True


def _interval(job: Job, kind: Kind) -> timedelta | None:
    """Until it comes again. One without a key is an extra run, asked for or revived by hand: that comes once."""
    return kind.every if job.key else None


def _strike_off(db: Session, job: Job, kind: Kind, again: Again | None) -> None:
    interval = _interval(job, kind)
    if again is not None:
        _schedule(db, job, again.wait, payload=dict(again.payload))
    elif interval is not None:
        _schedule(db, job, interval, payload={})
    else:
        leases.remove(db, job)


def _schedule(db: Session, job: Job, wait: timedelta, error: str | None = None, **values: object) -> None:
    due_at = now() + wait
    renewed = {"due_at": due_at, "give_up_at": due_at + leases.PATIENCE, "last_error": error}
    leases.release(db, job, **renewed, **values, attempts=job.attempts if error else 0)


def _fail(job: Job, kind: Kind, error: str) -> None:
    """Again later; in the end a dead letter, whose key is free. What comes again never dies."""
    with WorkerSession() as db, db.begin():
        if interval := _interval(job, kind):
            _schedule(db, job, min(leases.delay_after(job.attempts), interval), leases.short(error))
            return
        again = leases.retry_later(db, job, error)
        if kind.failed:
            kind.failed(db, dict(job.payload), Failure(leases.short(error), is_final=not again))
