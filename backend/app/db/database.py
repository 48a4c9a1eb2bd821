"""The engine, the one session factory, and who ends a transaction: `get_db`, nobody else."""

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Annotated, Any

from anyio import CancelScope, CapacityLimiter, to_thread
from anyio.lowlevel import RunVar
from fastapi import Depends, Request
from sqlalchemy import Connection, Engine
from sqlalchemy.orm import Session, sessionmaker

from app.core.admission import Admission
from app.core.config import get_settings
from app.core.errors import AppError, Unavailable
from app.db.base import Base
from app.db.engines import JOB_STATEMENT_SECONDS, Limits, make_engine

__all__ = [
    "Base",
    "DatabaseBusy",
    "SessionLocal",
    "db_dependency",
    "end_before_waiting",
    "engine",
    "get_db",
    "side_session",
]

SAFE_METHODS = {"GET", "HEAD", "OPTIONS"}
SIDE_POOL = 2
HEALTH_POOL = 1
PROBE_SECONDS = 0.6  # less than readiness may take, in all
WORKER_POOL = 10  # one for each thread that does jobs, two for those that send mail, which seldom need one


class DatabaseBusy(Unavailable):
    """Every connection was in use for as long as a request may wait."""

    code = "database_busy"
    detail = "The service is busy. Try again in a moment."


settings = get_settings()
engine = make_engine(
    settings, pool_size=settings.database_pool_size, max_overflow=settings.database_max_overflow, name="liftoff"
)
reading_engine = engine.execution_options(reading=True)  # the same pool
# Without it a request keeps its connection between two hops while others fill every thread waiting for one, until
# nobody is left to finish: with 8 threads and 8 connections 64 clients bring the usual generator to a halt.
admission = Admission(
    settings.database_pool_size + settings.database_max_overflow, settings.database_pool_timeout, DatabaseBusy
)


class RoutedSession(Session):
    """Sends a session that only reads (`info={"reading": True}`) to the engine for reading."""

    def get_bind(self, *args: Any, **kwargs: Any) -> Engine | Connection:
        bind = super().get_bind(*args, **kwargs)
        return reading_engine if bind is engine and self.info.get("reading") else bind


SessionLocal = sessionmaker(engine, class_=RoutedSession, expire_on_commit=False)
SideSession = sessionmaker(
    make_engine(
        settings,
        pool_size=SIDE_POOL,
        max_overflow=0,
        name="liftoff side",
        # They wait for less than a request waits for its turn: trying a connection comes on top, within 5 seconds.
        limits=Limits(settings.database_statement_timeout, turn=settings.database_pool_timeout * 2 / 3),
    )
)
WorkerSession = sessionmaker(
    make_engine(
        settings, pool_size=WORKER_POOL, max_overflow=0, name="liftoff worker", limits=Limits(JOB_STATEMENT_SECONDS)
    ),
    expire_on_commit=False,
)
# For health checks alone: they neither wait for requests nor keep them waiting.
HealthSession = sessionmaker(
    make_engine(
        settings,
        pool_size=HEALTH_POOL,
        max_overflow=0,
        name="liftoff health",
        limits=Limits(PROBE_SECONDS, PROBE_SECONDS),
    )
)
_ending: RunVar[CapacityLimiter] = RunVar("threads that end transactions")


async def get_db(request: Request) -> AsyncIterator[Session]:
    """One request is one transaction: committed before the answer leaves, rolled back when anything was raised.

    At most as many requests as there are connections are in here; the others wait for their turn on the event loop.
    Raises `DatabaseBusy` (503) for one that waited too long.
    """
    async with admission.slot():
        db = SessionLocal(info={"reading": request.method in SAFE_METHODS})
        finished = False
        try:
            yield db
            finished = True
        except AppError as error:
            finished = error.commits
            raise
        finally:
            if db.in_transaction():
                # Shielded: a client that went away must not leave a transaction open. In threads of their own, so
                # that ending never waits for a thread that itself waits for a connection.
                with CancelScope(shield=True):
                    await to_thread.run_sync(_end, db, finished, limiter=ending_threads())


# With the default scope the code after `yield` runs when the answer has left: a failed commit would still say 201.
db_dependency = Annotated[Session, Depends(get_db, scope="function")]


@contextmanager
def side_session() -> Iterator[Session]:
    """A short transaction of its own, for what must outlive a refusal, from a pool of its own.

    On SQLite it must not run inside a transaction that writes: there the file has one writer.
    """
    with SideSession() as db, db.begin():
        yield db


def end_before_waiting(db: Session) -> None:
    """End the transaction and give its connection back, before this request waits for somebody else's service.

    What was written so far stands, whatever comes of the call: such as the key that the call can be repeated with.
    The next statement begins a new transaction, so what was read before may have changed.
    """
    db.commit()


def _end(db: Session, commit: bool) -> None:  # noqa: FBT001 - run_sync passes positions only
    try:
        if commit:
            db.commit()
    finally:
        db.close()


def ending_threads() -> CapacityLimiter:
    """For what must be done when a request ends, also one that found no thread."""
    try:
        return _ending.get()
    except LookupError:
        _ending.set(limiter := CapacityLimiter(admission.slots))
        return limiter
