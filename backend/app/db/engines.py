"""What each of the three databases needs so that they behave alike. Differences live here and in `drivers/` alone.

| | PostgreSQL | MySQL, MariaDB | SQLite |
|---|---|---|---|
| connecting, and trying a pooled connection | 2 s | 2 s | none |
| a statement, by the server | 4 s, jobs 60 s | the same; MySQL limits `SELECT` alone | has no server |
| any call, by the watchdog | 0.25 s later its socket is closed | the same | it is interrupted |
| a lock | 3 s | 3 s | 3 s |
| idle in a transaction | 30 s | none | none |
| isolation | read committed | read committed (their default re-reads old rows) | serialised writers, WAL readers |
| row locks | `FOR UPDATE OF` | `FOR UPDATE` | none: a writer holds the whole file |
| times | with time zone | `DATETIME(6)`, kept in UTC | text, kept in UTC |
"""

import math
import sqlite3
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Dialect, Engine, ExceptionContext, create_engine, event
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError
from sqlalchemy.pool import ConnectionPoolEntry

from app.core.config import Settings
from app.core.database_urls import make_folder
from app.db.deadlines import GRACE_SECONDS, Limited, start_watchdog
from app.db.silence import NeverSilent, Silence, pool_class, silence_of
from app.db.urls import normalise

JOB_STATEMENT_SECONDS = 60.0
LOCK_SECONDS = 3
IDLE_SECONDS = 30
CONNECT_SECONDS = 2
UNACKNOWLEDGED_SECONDS = 15  # a peer whose kernel is gone
WAL_PAUSE = 0.01  # seconds until a file that is being switched to WAL is tried again
HELD = "named locks"  # in a connection's info: what MySQL would keep beyond the transaction
MYSQL_MODE = "STRICT_ALL_TABLES,NO_ZERO_DATE,NO_ZERO_IN_DATE,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION"
MYSQL_SESSION = f"SET time_zone='+00:00', sql_mode='{MYSQL_MODE}'"
MYSQL_CHECK_FAILED = (3819, 4025)  # MySQL's and MariaDB's number of a broken check constraint


@dataclass(frozen=True)
class Limits:
    """Seconds: for a statement, for trying a connection before it is used, and for waiting until the pool has one."""

    statement: float
    trying: float = CONNECT_SECONDS
    turn: float | None = None

    @property
    def call(self) -> float:
        """The limit of the watchdog for one call on a connection in use. Migrations have none."""
        return self.statement + GRACE_SECONDS if self.statement else math.inf


def make_engine(
    settings: Settings,
    *,
    pool_size: int,
    max_overflow: int,
    name: str = "liftoff",
    limits: Limits | None = None,
) -> Engine:
    """An engine with our limits on every connection. It connects on first use, not here.

    Without `limits` they are those of requests. With a statement limit of 0 a statement may take as long as it likes.
    """
    url = normalise(settings.database_url.get_secret_value())
    limits = limits or Limits(settings.database_statement_timeout)
    options: dict[str, Any] = {
        "pool_size": pool_size,
        "max_overflow": max_overflow,
        "pool_timeout": limits.turn or settings.database_pool_timeout,
        "pool_recycle": settings.database_pool_recycle,
        "pool_pre_ping": True,
        "pool_use_lifo": True,  # idle connections age out instead of all being kept warm in turn
        "hide_parameters": True,  # an error's text must not carry what a user typed
    }
    make = _MAKERS[url.get_backend_name()]
    engine = make(url, name, limits, options)
    event.listen(engine, "handle_error", _name_error)
    return engine


def _name_error(context: ExceptionContext) -> DBAPIError | None:
    """The right class for errors to which a driver gives the wrong one, or none."""
    error = context.original_exception
    kind: type[DBAPIError] | None = None
    if context.sqlalchemy_exception is None and isinstance(error, ValueError | OverflowError):
        kind = DataError  # a NUL, a lone surrogate, an integer over 64 bits: refused before it was sent
    elif error.args and error.args[0] in MYSQL_CHECK_FAILED:
        kind = IntegrityError  # to PyMySQL an operational error
    return kind(context.statement, None, error, hide_parameters=True) if kind else None


def _postgresql(url: URL, name: str, limits: Limits, options: dict[str, Any]) -> Engine:
    from app.db.drivers.postgresql import connect  # brings the driver along

    timeouts = {
        "statement_timeout": limits.statement,
        "lock_timeout": LOCK_SECONDS,
        "idle_in_transaction_session_timeout": IDLE_SECONDS,
    }
    connect_args = {
        "connect_timeout": math.ceil(limits.trying),
        "application_name": name,
        "options": " ".join(
            ["-c timezone=UTC", *(f"-c {key}={round(seconds * 1000)}" for key, seconds in timeouts.items())]
        ),
        # A peer that vanished without a word is noticed while we wait for it.
        "keepalives_idle": 10,
        "keepalives_interval": 5,
        "keepalives_count": 2,
        "tcp_user_timeout": UNACKNOWLEDGED_SECONDS * 1000,
    }
    silence = silence_of(str(url))
    engine = create_engine(url, connect_args=connect_args, poolclass=pool_class(silence), **options)
    _watch(engine, limits, silence, connect)
    return engine


def _watch(engine: Engine, limits: Limits, silence: Silence, connect: Callable[..., Limited]) -> None:
    """Have every connection of this engine made by `connect`, and the watchdog look after it."""

    def open_one(dialect: Dialect, _record: object, args: list[Any], options: dict[str, Any]) -> Limited:
        silence.refuse()  # who has just found one silent connection tries no second
        # Not with the short limit of a health check: only what takes longer than `LISTEN_SECONDS` is no answer.
        patient = {**options, "connect_timeout": CONNECT_SECONDS, "limit": CONNECT_SECONDS}
        silence.reach = partial(connect, *args, **patient, silence=Silence())
        began = time.monotonic()
        try:
            return connect(*args, **options, limit=limits.trying, silence=silence)
        except dialect.loaded_dbapi.Error:
            silence.missed(began)
            raise

    def take(connection: Any, _record: object, _proxy: object) -> None:
        connection.limit = limits.call

    def give_back(connection: Any, _record: object) -> None:
        if connection is not None:
            connection.limit = limits.trying  # the next call on it asks whether it still lives

    start_watchdog()
    event.listen(engine, "do_connect", open_one)
    event.listen(engine, "checkout", take)
    event.listen(engine, "checkin", give_back)


def _mysql(url: URL, name: str, limits: Limits, options: dict[str, Any]) -> Engine:
    from app.db.drivers.mysql import Connection  # brings the driver along

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
        if connection is not None:  # one that broke has lost its locks
            with connection.cursor() as cursor:
                cursor.execute("DO RELEASE_LOCK(%s)", (name,))


def _prepare_mysql(connection: Any, seconds: float) -> None:
    mariadb = "MariaDB" in connection.get_server_info()
    limit = f"max_statement_time={seconds}" if mariadb else f"max_execution_time={round(seconds * 1000)}"
    with connection.cursor() as cursor:
        cursor.execute(f"{MYSQL_SESSION}, innodb_lock_wait_timeout={LOCK_SECONDS}, {limit}")


def _sqlite(url: URL, name: str, limits: Limits, options: dict[str, Any]) -> Engine:
    from app.db.drivers.sqlite import connect

    del name  # a file knows nobody
    make_folder(Path(str(url.database)))
    engine = create_engine(url, **options)
    _watch(engine, replace(limits, trying=limits.call), NeverSilent(), connect)
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    event.listen(engine, "checkin", _rest_sqlite)
    return engine


def _prepare_sqlite(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # the driver's own BEGIN comes too late and breaks savepoints
    connection.execute(f"PRAGMA busy_timeout={LOCK_SECONDS * 1000}")
    _switch_to_wal(connection)
    for pragma in ("synchronous=FULL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")


def _switch_to_wal(connection: Any) -> None:
    """A new file is switched by whoever comes first; the others are refused at once, whatever the time-out, so they
    try again for as long as they would wait for any other lock. Raises `sqlite3.OperationalError` after that.
    """
    deadline = time.monotonic() + LOCK_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as error:
            # The primary code: SQLITE_BUSY has variants, such as that of a recovery.
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(WAL_PAUSE)
        else:
            return


def _begin_sqlite(connection: Connection) -> None:
    """A transaction that reads first and writes later fails under WAL when another wrote in between, whatever the
    time-out: so all but reading ones take the write lock at once.
    """
    reading = connection.get_execution_options().get("reading", False)
    connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")


def _rest_sqlite(connection: Any, _record: object) -> None:
    """A commit that fails leaves the transaction open here, and SQLAlchemy takes it for ended: the next request would
    find the connection unusable and the file locked.
    """
    if connection is not None:
        connection.rollback()


_MAKERS: dict[str, Callable[..., Engine]] = {"postgresql": _postgresql, "mysql": _mysql, "sqlite": _sqlite}
