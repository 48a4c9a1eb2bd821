"""What each of the three databases needs so that they behave alike. Differences live here and nowhere else.

| | PostgreSQL | MySQL, MariaDB | SQLite |
|---|---|---|---|
| time limits | statement 10 s, lock 3 s, idle in transaction 30 s | statement 10 s, lock 3 s, socket 15 s | lock 3 s |
| isolation | read committed | read committed (their default re-reads old rows) | serialised writers, WAL readers |
| row locks | `FOR UPDATE OF` | `FOR UPDATE` | none: a writer holds the whole file |
| times | with time zone | `DATETIME(6)`, kept in UTC | text, kept in UTC |
"""

import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, ExceptionContext, create_engine, event
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError
from sqlalchemy.pool import ConnectionPoolEntry

from app.core.config import Settings
from app.core.database_urls import make_folder
from app.db.urls import normalise

STATEMENT_SECONDS = 10
LOCK_SECONDS = 3
IDLE_SECONDS = 30
CONNECT_SECONDS = 3
SOCKET_SECONDS = 15
WAL_PAUSE = 0.01  # seconds until a file that is being switched to WAL is tried again
HELD = "named locks"  # in a connection's info: what MySQL would keep beyond the transaction
MYSQL_MODE = "STRICT_ALL_TABLES,NO_ZERO_DATE,NO_ZERO_IN_DATE,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION"
MYSQL_SESSION = f"SET time_zone='+00:00', sql_mode='{MYSQL_MODE}'"
MYSQL_CHECK_FAILED = (3819, 4025)  # MySQL's and MariaDB's number of a broken check constraint


def make_engine(
    settings: Settings,
    *,
    pool_size: int,
    max_overflow: int,
    name: str = "liftoff",
    statement_seconds: int = STATEMENT_SECONDS,
) -> Engine:
    """An engine with our limits on every connection. It connects on first use, not here.

    With 0 `statement_seconds` a statement may take as long as it likes.
    """
    url = normalise(settings.database_url.get_secret_value())
    options: dict[str, Any] = {
        "pool_size": pool_size,
        "max_overflow": max_overflow,
        "pool_timeout": settings.database_pool_timeout,
        "pool_recycle": settings.database_pool_recycle,
        "pool_pre_ping": True,
        "pool_use_lifo": True,  # idle connections age out instead of all being kept warm in turn
        "hide_parameters": True,  # an error's text must not carry what a user typed
    }
    make = _MAKERS[url.get_backend_name()]
    engine = make(url, name=name, statement_seconds=statement_seconds, **options)
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


def _postgresql(url: URL, *, name: str, statement_seconds: int, **options: Any) -> Engine:
    timeouts = {
        "statement_timeout": statement_seconds,
        "lock_timeout": LOCK_SECONDS,
        "idle_in_transaction_session_timeout": IDLE_SECONDS,
    }
    connect_args = {
        "connect_timeout": CONNECT_SECONDS,
        "application_name": name,
        "options": " ".join(["-c timezone=UTC", *(f"-c {key}={seconds}s" for key, seconds in timeouts.items())]),
        # A peer that vanished without a word is noticed while we wait for it.
        "keepalives_idle": 10,
        "keepalives_interval": 5,
        "keepalives_count": 2,
        "tcp_user_timeout": SOCKET_SECONDS * 1000,
    }
    return create_engine(url, connect_args=connect_args, **options)


def _mysql(url: URL, *, name: str, statement_seconds: int, **options: Any) -> Engine:
    connect_args = {
        "charset": "utf8mb4",
        "program_name": name,
        "connect_timeout": CONNECT_SECONDS,
        "read_timeout": SOCKET_SECONDS if statement_seconds else None,
        "write_timeout": SOCKET_SECONDS,
    }

    def prepare(connection: Any, _record: object) -> None:
        _prepare_mysql(connection, statement_seconds)

    engine = create_engine(url, connect_args=connect_args, isolation_level="READ COMMITTED", **options)
    event.listen(engine, "connect", prepare)
    event.listen(engine, "checkin", _rest_mysql)
    return engine


def _rest_mysql(connection: Any, record: ConnectionPoolEntry) -> None:
    for name in record.info.pop(HELD, ()):
        if connection is not None:  # one that broke has lost its locks
            with connection.cursor() as cursor:
                cursor.execute("DO RELEASE_LOCK(%s)", (name,))


def _prepare_mysql(connection: Any, statement_seconds: int) -> None:
    mariadb = "MariaDB" in connection.get_server_info()
    limit = f"max_statement_time={statement_seconds}" if mariadb else f"max_execution_time={statement_seconds * 1000}"
    with connection.cursor() as cursor:
        cursor.execute(f"{MYSQL_SESSION}, innodb_lock_wait_timeout={LOCK_SECONDS}, {limit}")


def _sqlite(url: URL, *, name: str, statement_seconds: int, **options: Any) -> Engine:
    del name, statement_seconds  # the file knows neither
    make_folder(Path(str(url.database)))
    engine = create_engine(url, **options)
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
