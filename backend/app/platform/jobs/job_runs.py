"""Runs jobs, each in a transaction that also removes the job from the queue."""

from contextlib import AbstractContextManager
from datetime import timedelta
from typing import Any

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from app.core.logging import get_logger
from app.core.tracing import span
from app.db import clock
from app.db.database import WorkerSession
from app.platform.models import Job, Lane
from app.platform.monitoring.work import tally_of_job
from app.platform.queues import leases

from . import BELLS, LEASE, TRACE, Again, Failure, Kind, NotNow, job_kinds
from .recurrence import planner

A_MOMENT = timedelta(seconds=1)  # delay before a job that raised `NotNow` runs again

log = get_logger(__name__)


def run_next(*, lane: Lane | None = None) -> bool:
    """Run the next due job in this lane, or in any lane. Return false if no job is due.

    An exception in a job is a failure of that job, not of the worker. A panic in a Rust
    library and `SystemExit` are not `Exception`s. They are caught, too, because they
    would otherwise end the thread. Jobs of an unknown kind are left for newer code,
    which may be running elsewhere during a rolling deployment.
    """
    planner.plan()
    job = _claim(lane)
    if job is None:
        return False
    kind = job_kinds()[job.kind]
    try:
        with _traced(job), tally_of_job(job.kind) as tally, WorkerSession() as db, db.begin():
            _strike_off(db, job, kind, kind.run(db, _payload_of(job)))
    except leases.LeaseLost:
        log.warning("job_taken_over", kind=job.kind, id=job.id)
    except NotNow:
        _put_off(job)
    except BaseException as error:
        log.exception("job_failed", kind=job.kind, id=job.id, attempts=job.attempts)
        _fail(job, kind, leases.reason_of(error))
    else:
        facts = {"statements": tally.statements, "database_seconds": round(tally.seconds, 3)}
        log.info("job_done", kind=job.kind, id=job.id, attempts=job.attempts, **facts)
    return True


def _traced(job: Job) -> AbstractContextManager[None]:
    return span(f"job {job.kind}", parent=job.payload.get(TRACE))


def _payload_of(job: Job) -> dict[str, Any]:
    return {key: value for key, value in job.payload.items() if key != TRACE}


def _claim(lane: Lane | None) -> Job | None:
    of_lane = [Job.lane == lane] if lane else []
    with WorkerSession() as db, db.begin():
        job = leases.claim_due_row(db, Job, LEASE, *of_lane, Job.kind.in_(list(job_kinds())))
    if job and job.lane in BELLS:
        # There may be more due jobs, so wake the other threads of this lane.
        BELLS[Lane(job.lane)].ring()
    return job


def _interval(job: Job, kind: Kind) -> timedelta | None:
    """Return the interval of a recurring job, or `None` for a job that runs once.

    A recurring job without a key is an extra run, which an operator queued or revived.
    It runs only once.
    """
    return kind.every if job.key else None


def _strike_off(db: Session, job: Job, kind: Kind, again: Again | None) -> None:
    interval = _interval(job, kind)
    if again is not None:
        _schedule(db, job, again.wait, payload=dict(again.payload))
    elif interval is not None:
        _schedule(db, job, interval, payload={})
    else:
        leases.delete_leased_row(db, job)


def _schedule(
    db: Session, job: Job, wait: timedelta, error: str | None = None, **values: object
) -> None:
    """Make the job due again. A recurring job is never abandoned."""
    give_up_at = (
        leases.NEVER
        if job_kinds()[job.kind].every and job.key
        else clock.now(wait + leases.PATIENCE)
    )
    renewed = {"due_at": clock.now(wait), "give_up_at": give_up_at, "last_error": error}
    leases.release_lease(db, job, **renewed, **values, attempts=job.attempts if error else 0)


def _put_off(job: Job) -> None:
    with WorkerSession() as db, db.begin():
        leases.give_back(db, job, A_MOMENT)


def _fail(job: Job, kind: Kind, error: str) -> None:
    """Make the job due again later, or turn it into a dead letter.

    A dead letter loses its key, so that the job can be queued again. A recurring job
    never becomes a dead letter.
    """
    with WorkerSession() as db, db.begin():
        if interval := _interval(job, kind):
            _schedule(
                db,
                job,
                min(leases.delay_after(job.attempts), interval),
                leases.loggable_excerpt(error),
            )
            return
        again = leases.retry_later(db, job, error)
        if kind.failed:
            _tell(db, job, kind, Failure(leases.loggable_excerpt(error), is_final=not again))


def _tell(db: Session, job: Job, kind: Kind, failure: Failure) -> None:
    """Call the job's own failure handler.

    The failure of the job is recorded even if the handler raises an error.
    """
    assert kind.failed
    try:
        with db.begin_nested():
            kind.failed(db, _payload_of(job), failure)
    except SQLAlchemyError:
        raise
    except BaseException:
        log.exception("failure_handler_failed", kind=job.kind, id=job.id)
