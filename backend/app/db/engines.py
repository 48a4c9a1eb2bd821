"""Engines that make the three databases behave in the same way.

Only this module and `drivers/` know the differences between the databases.

| | PostgreSQL | MySQL, MariaDB | SQLite |
|---|---|---|---|
| connecting, and testing a pooled connection | 2 s | 2 s | none |
| a statement, by the server | 4 s, jobs 60 s | MySQL: only `SELECT` | no server |
| any call, by the watchdog | closed after 0.25 s more | the same | interrupted |
| a lock | 3 s | 3 s | 3 s |
| idle in a transaction | 30 s | none | none |
| isolation | read committed | read committed | one writer, WAL readers |
| row locks | `FOR UPDATE OF` | `FOR UPDATE` | none: a writer holds the whole file |
| times | with time zone | `DATETIME(6)`, kept in UTC | text, kept in UTC |

Read committed is not the default of MySQL and MariaDB. With their default, a
transaction would keep seeing old rows.
"""

import math
import sqlite3
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Dialect, Engine, ExceptionContext, create_engine, event
from sqlalchemy.exc import DataError, DBAPIError, DisconnectionError, IntegrityError
from sqlalchemy.pool import ConnectionPoolEntry

from app.core.config import Settings
from app.core.database_urls import make_folder

from .deadlines import GRACE_SECONDS, Limited, start_watchdog
from .silence import NeverSilent, Silence, pool_class, silence_of
from .urls import normalise_database_url

JOB_STATEMENT_SECONDS = 60.0
LOCK_SECONDS = 3
IDLE_SECONDS = 30
CONNECT_SECONDS = 2
# A connection that was used within this time is not tested. Under load, each request
# would pay for the test with a system call and a wait for the interpreter's lock.
TRUSTED_SECONDS = 0.005
UNACKNOWLEDGED_SECONDS = 15  # a peer whose kernel does not respond for so long counts as gone
# Seconds between attempts to switch a file to WAL while another connection does so.
WAL_PAUSE = 0.01
# The key in a connection's `info` for the list of its named locks. MySQL does not
# release these locks when the transaction ends.
HELD = "named locks"
MYSQL_MODE = (
    "STRICT_ALL_TABLES,NO_ZERO_DATE,NO_ZERO_IN_DATE,"
    "ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION"
)
MYSQL_SESSION = f"SET time_zone='+00:00', sql_mode='{MYSQL_MODE}'"
# The error numbers of MySQL and MariaDB for a violated check constraint.
MYSQL_CHECK_FAILED = (3819, 4025)


@dataclass(frozen=True)
class Limits:
    """The time limits of an engine's connections, in seconds.

    `statement` limits a statement, `trying` limits the test of a connection before it
    is used, and `turn` limits the wait for a connection from the pool.
    """

    statement: float
    trying: float = CONNECT_SECONDS
    turn: float | None = None

    @property
    def call(self) -> float:
        """Return the watchdog's limit for one call. Migrations have no limit."""
        return self.statement + GRACE_SECONDS if self.statement else math.inf


def make_engine(
    settings: Settings,
    *,
    pool_size: int,
    max_overflow: int,
    name: str = "liftoff",
    limits: Limits | None = None,
) -> Engine:
    """Return an engine that applies our limits to every connection.

    The engine connects when it is first used. Without `limits`, the limits of requests
    apply. With a statement limit of 0, a statement may take any time.
    """
    url = normalise_database_url(settings.database_url.get_secret_value())
    limits = limits or Limits(settings.database_statement_timeout)
    options: dict[str, Any] = {
        "pool_size": pool_size,
        "max_overflow": max_overflow,
        "pool_timeout": limits.turn or settings.database_pool_timeout,
        "pool_recycle": settings.database_pool_recycle,
        # The connection that was used last is used next, so the others get old and are
        # closed if they are not needed.
        "pool_use_lifo": True,
        "hide_parameters": True,  # error texts must not contain what a user typed
    }
    make = _MAKERS[url.get_backend_name()]
    engine = make(url, name, limits, options, settings.database_pooler)
    event.listen(engine, "handle_error", _name_error)
    return engine


def _name_error(context: ExceptionContext) -> DBAPIError | None:
    """Return the error in the right class, if the driver chose a wrong class for it."""
    error = context.original_exception
    kind: type[DBAPIError] | None = None
    if context.sqlalchemy_exception is None and isinstance(error, ValueError | OverflowError):
        # The driver refused to send a NUL, a lone surrogate, or an integer of more than
        # 64 bits.
        kind = DataError
    elif error.args and error.args[0] in MYSQL_CHECK_FAILED:
        kind = IntegrityError  # PyMySQL raises an operational error
    return kind(context.statement, None, error, hide_parameters=True) if kind else None


def server_limits(limits: Limits) -> dict[str, str]:
    """Return the settings of a PostgreSQL connection."""
    return {
        "timezone": "UTC",
        "statement_timeout": f"{round(limits.statement * 1000)}ms",
        "lock_timeout": f"{LOCK_SECONDS}s",
        "idle_in_transaction_session_timeout": f"{IDLE_SECONDS}s",
    }


def _postgresql(
    url: URL, name: str, limits: Limits, options: dict[str, Any], pooler: str
) -> Engine:
    from .drivers.postgresql import connect  # this imports psycopg2

    connect_args = {
        "connect_timeout": math.ceil(limits.trying),
        "application_name": name,
        # These options detect a peer that has disappeared while we wait for it.
        "keepalives_idle": 10,
        "keepalives_interval": 5,
        "keepalives_count": 2,
        "tcp_user_timeout": UNACKNOWLEDGED_SECONDS * 1000,
    }
    silence = silence_of(str(url))
    engine = create_engine(url, connect_args=connect_args, poolclass=pool_class(silence), **options)
    _watch(engine, limits, silence, partial(connect, settings=server_limits(limits), pooler=pooler))
    return engine


def _watch(
    engine: Engine, limits: Limits, silence: Silence, connect: Callable[..., Limited]
) -> None:
    """Open every connection of this engine with `connect`, under the watchdog."""

    def open_one(
        dialect: Dialect, _record: object, args: list[Any], options: dict[str, Any]
    ) -> Limited:
        silence.refuse()  # if one connection has found silence, try no other
        # Only a call that took longer than `LISTEN_SECONDS` counts as unanswered, so
        # the time limit of this call must not be shorter.
        patient = {**options, "connect_timeout": CONNECT_SECONDS, "limit": CONNECT_SECONDS}
        silence.reach = partial(connect, *args, **patient, silence=Silence())
        began = time.monotonic()
        try:
            return connect(*args, **options, limit=limits.trying, silence=silence)
        except dialect.loaded_dbapi.Error:
            silence.missed(began)
            raise

    def take(connection: Any, _record: object, _proxy: object) -> None:
        try:
            if time.monotonic() - connection.rested_at > TRUSTED_SECONDS:
                connection.still_works()
        except engine.dialect.loaded_dbapi.Error as error:
            raise DisconnectionError from error  # the pool then tries another connection
        connection.limit = limits.call
        connection.enter()

    def give_back(connection: Any, _record: object) -> None:
        if connection is not None:
            # The next call may test whether the connection still works.
            connection.limit = limits.trying
            connection.rest()

    start_watchdog()
    event.listen(engine, "do_connect", open_one)
    event.listen(engine, "checkout", take)
    event.listen(engine, "checkin", give_back)


def _mysql(url: URL, name: str, limits: Limits, options: dict[str, Any], pooler: str) -> Engine:
    from .drivers.mysql import Connection  # this imports PyMySQL

    del pooler  # the setting is for PostgreSQL
    silence = silence_of(str(url))
    connect_args = {
        "charset": "utf8mb4",
        "program_name": name,
        "connect_timeout": limits.trying,
    }

    def prepare(connection: Any, _record: object) -> None:
        _prepare_mysql(connection, limits.statement)

    engine = create_engine(
        url,
        connect_args=connect_args,
        isolation_level="READ COMMITTED",
        poolclass=pool_class(silence),
        **options,
    )
    _watch(engine, limits, silence, Connection)
    event.listen(engine, "connect", prepare)
    event.listen(engine, "checkin", _rest_mysql)
    return engine


def _rest_mysql(connection: Any, record: ConnectionPoolEntry) -> None:
    for name in record.info.pop(HELD, ()):
        if connection is not None:  # a broken connection has already lost its locks
            with connection.cursor() as cursor:
                cursor.execute("DO RELEASE_LOCK(%s)", (name,))


def _prepare_mysql(connection: Any, seconds: float) -> None:
    mariadb = "MariaDB" in connection.get_server_info()
    limit = (
        f"max_statement_time={seconds}"
        if mariadb
        else f"max_execution_time={round(seconds * 1000)}"
    )
    with connection.cursor() as cursor:
        cursor.execute(
            f"{MYSQL_SESSION}, autocommit=1, innodb_lock_wait_timeout={LOCK_SECONDS}, {limit}"
        )


def _sqlite(url: URL, name: str, limits: Limits, options: dict[str, Any], pooler: str) -> Engine:
    from .drivers.sqlite import connect

    del name, pooler  # a file has no clients to name, and no pooler
    make_folder(Path(str(url.database)))
    engine = create_engine(url, **options)
    _watch(engine, replace(limits, trying=limits.call), NeverSilent(), connect)
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "checkin", _rest_sqlite)
    return engine


def _prepare_sqlite(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # the driver's own BEGIN comes too late and breaks savepoints
    connection.execute(f"PRAGMA busy_timeout={LOCK_SECONDS * 1000}")
    _switch_to_wal(connection)
    for pragma in ("synchronous=FULL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")


def _switch_to_wal(connection: Any) -> None:
    """Switch a new file to WAL.

    The first connection switches the file. While it does so, SQLite refuses all other
    connections immediately, whatever the timeout is. So a refused connection tries
    again for as long as it would wait for any other lock. After that, it raises
    `sqlite3.OperationalError`.
    """
    deadline = time.monotonic() + LOCK_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as error:
            # Only the primary error code is compared, because SQLITE_BUSY has variants,
            # for example for a recovery.
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(WAL_PAUSE)
        else:
            return


def _rest_sqlite(connection: Any, _record: object) -> None:
    """Roll back what a failed commit left open.

    SQLAlchemy considers such a transaction ended. Without the rollback, the next
    request would find the connection unusable and the file locked.
    """
    if connection is not None:
        connection.rollback()


_MAKERS: dict[str, Callable[..., Engine]] = {
    "postgresql": _postgresql,
    "mysql": _mysql,
    "sqlite": _sqlite,
}
