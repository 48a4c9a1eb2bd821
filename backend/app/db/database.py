"""The engine, the session factories, and `get_db`, the transaction of a request.

One request is one transaction, unless it calls an outside service. Such a request is a
chain of committed steps: `commit_step` ends each step before the service is called, and
`get_db` ends the last step.
"""

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

from anyio import CancelScope, CapacityLimiter, to_thread
from anyio.lowlevel import RunVar
from fastapi import Depends, Request
from sqlalchemy import Connection, event
from sqlalchemy.orm import Session, SessionTransaction, sessionmaker

from app.core.admission import Admission
from app.core.config import get_settings
from app.core.errors import AppError, Unavailable

from . import changes as changes  # noqa: PLC0414 - this module listens to every session
from .base import Base
from .engines import JOB_STATEMENT_SECONDS, Limits, make_engine
from .lost import twice_if_lost

__all__ = [
    "Base",
    "DatabaseBusy",
    "SessionLocal",
    "commit_step",
    "db_dependency",
    "end_transaction",
    "engine",
    "get_db",
    "side_session",
    "transaction",
]

SAFE_METHODS = {"GET", "HEAD", "OPTIONS"}
SIDE_POOL = 2
HEALTH_POOL = 2  # one connection for readiness checks, and one for the caches' polling
PROBE_SECONDS = 0.6  # shorter than the time limit of the whole readiness check


class DatabaseBusy(Unavailable):
    """No database connection became free within the time that a request may wait."""

    code = "database_busy"
    detail = "The service is busy: all database connections are in use. Try again in a moment."


settings = get_settings()
WORKER_POOL = settings.worker_connections
engine = make_engine(
    settings,
    pool_size=settings.database_pool_size,
    max_overflow=settings.database_max_overflow,
    name="liftoff",
)
# The docstring of `get_db` explains this limit.
admission = Admission(
    settings.database_pool_size + settings.database_max_overflow,
    settings.database_pool_timeout,
    DatabaseBusy,
)


class RoutedSession(Session):
    """The session of all our transactions.

    With `info={"reading": True}`, plain queries run without a transaction. If the first
    statement finds that the connection has been lost, the statement is repeated.
    """

    if not TYPE_CHECKING:  # type checkers use the many signatures of `Session`

        def execute(self, *args: Any, **options: Any) -> Any:
            return twice_if_lost(self, super().execute, args, options)

        def scalar(self, *args: Any, **options: Any) -> Any:
            return twice_if_lost(self, super().scalar, args, options)

        def scalars(self, *args: Any, **options: Any) -> Any:
            return twice_if_lost(self, super().scalars, args, options)


@event.listens_for(RoutedSession, "after_begin")
def _read_without_transaction(db: Session, part: SessionTransaction, used: Connection) -> None:
    if db.info.get("reading") and not part.nested:
        driver: Any = used.connection.driver_connection
        driver.read()


SessionLocal = sessionmaker(engine, class_=RoutedSession, expire_on_commit=False)
SideSession = sessionmaker(
    make_engine(
        settings,
        pool_size=SIDE_POOL,
        max_overflow=0,
        name="liftoff side",
        # A side session is a second session, in addition to that of the request. It
        # waits for a connection for less time, because testing the connection takes
        # time, too. By default, wait and test together take less than 5 seconds.
        limits=Limits(
            settings.database_statement_timeout, turn=settings.database_pool_timeout * 2 / 3
        ),
    ),
    class_=RoutedSession,
)
WorkerSession = sessionmaker(
    make_engine(
        settings,
        pool_size=WORKER_POOL,
        max_overflow=0,
        name="liftoff worker",
        limits=Limits(JOB_STATEMENT_SECONDS),
    ),
    class_=RoutedSession,
    expire_on_commit=False,
)
# Health checks and the caches' polling use this pool. So they do not wait for requests,
# and do not delay requests.
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
    """Run a request in one transaction: commit if it returns, roll back if it raises.

    The number of requests with a session never exceeds the number of connections in the
    pool. The other requests wait on the event loop, for at most the pool timeout.
    Raises `DatabaseBusy` (503) for a request that waited too long.

    Most requests never call this function. A route whose dependencies are all plain
    functions is admitted first, and then runs from its first dependency to the commit
    in one thread, with `transaction` below (`app.platform.one_hop`). For the other
    routes, FastAPI calls this function. Two parts look optional but are not: the
    admission, and `scope="function"`.

    Without admission, requests can block each other. FastAPI runs the usual sync
    generator and the endpoint as separate steps, each in a thread of one pool. Between
    two steps, a request keeps its connection but has no thread. Other requests can then
    occupy every thread while they wait for a connection, and no thread is left for the
    step that would return a connection. We measured this with 64 clients that each read
    one row. With 8 threads and 8 connections, the usual generator served 0 requests/s
    until the pool timed out, and admission served 600. With 40 threads and 20
    connections, the generator served 555 (p99 275 ms), and admission 637 (p99 153 ms).

    Without the function scope, FastAPI runs the code after `yield` when it has already
    sent the response. We saw a request respond with 201 although its commit had failed
    and no row was stored. With the function scope the order is commit, close, send. A
    bare `Depends(get_db)` opens a second session, because FastAPI caches it under
    another key. So routes use `db_dependency` only.
    """
    async with admission.slot():
        db = _session_of(request)
        finished = False
        try:
            yield db
            finished = True
        except AppError as error:
            finished = error.commits
            raise
        finally:
            if db.in_transaction():
                # A client that disconnects must not leave a transaction open, so the
                # end of the transaction is shielded from cancellation. It runs in a
                # separate group of threads, so it never waits for a thread that itself
                # waits for a connection.
                with CancelScope(shield=True):
                    await to_thread.run_sync(
                        end_transaction, db, finished, limiter=ending_threads()
                    )


@contextmanager
def transaction(request: Request) -> Iterator[Session]:
    """Do what `get_db` does, for an admitted request that stays in one thread."""
    db = _session_of(request)
    finished = False
    try:
        yield db
        finished = True
    except AppError as error:
        finished = error.commits
        raise
    finally:
        if db.in_transaction():
            end_transaction(db, finished)


def _session_of(request: Request) -> Session:
    return SessionLocal(info={"reading": request.method in SAFE_METHODS})


# The docstring of `get_db` explains the scope.
db_dependency = Annotated[Session, Depends(get_db, scope="function")]


@contextmanager
def side_session() -> Iterator[Session]:
    """Open a separate short transaction, whose changes stay even if the request fails.

    The connection comes from a separate pool. On SQLite, do not open a side session
    inside a transaction that writes, because the file has only one writer.
    """
    with SideSession() as db, db.begin():
        yield db


def commit_step(db: Session) -> None:
    """Commit a step of a request that calls an outside service.

    The connection returns to the pool. If the transaction stayed open during the call,
    it would hold its locks and its connection for that time. The step stays committed,
    whatever the service responds. So the step must store what is needed to continue
    after a lost response, for example the key with which the call can be repeated. The
    next statement begins a new transaction. Rows that were read before may have changed
    by then, and `demand_again` checks whether the request is still allowed.
    """
    db.commit()


def end_transaction(db: Session, commit: bool) -> None:  # noqa: FBT001 - run_sync passes only positional arguments
    try:
        if commit and not _has_only_read(db):
            db.commit()
    finally:
        db.close()


def _has_only_read(db: Session) -> bool:
    """Return whether nothing needs a commit. Even an empty commit takes time."""
    if db.new or db.dirty or db.deleted or not db.info.get("reading"):
        return False
    driver: Any = db.connection().connection.driver_connection
    return bool(driver.has_only_read)


def ending_threads() -> CapacityLimiter:
    """Return the limiter of the threads that end transactions.

    A request can use these threads even if all other threads are occupied.
    """
    try:
        return _ending.get()
    except LookupError:
        _ending.set(limiter := CapacityLimiter(admission.slots))
        return limiter
