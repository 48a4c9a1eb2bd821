"""Translation of database errors into errors of the API.

A violated constraint is recognised by its name, and any other error by its class and
SQLSTATE.
"""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import MappingProxyType

from sqlalchemy import PrimaryKeyConstraint, UniqueConstraint
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm.exc import StaleDataError

from app.core.errors import AppError, Unavailable, Unprocessable

from .database import Base, DatabaseBusy

SQLITE_COLUMNS = re.compile(r"UNIQUE constraint failed: (?P<columns>\w+\.[\w., ]+)")
# The patterns match only at the start of a message. MySQL's messages repeat the value,
# and the value could contain text that looks like a message.
NAMED = re.compile(
    r"^(?:CHECK constraint failed: |UNIQUE constraint failed: index ')(\w+)"
    r"|^Duplicate .* for key '(?:\w+\.)?(\w+)'$"
    r"|^[^']*CONSTRAINT `(\w+)`|^Check constraint '(\w+)' is",
    re.DOTALL,
)
NONE: Mapping[str, type[AppError]] = MappingProxyType({})


class DatabaseUnavailable(Unavailable):
    """The database is unreachable, starting or full, or the watchdog ended the call."""

    code = "database_unavailable"
    detail = "The database is unavailable. Try again in a moment."


class DatabaseTimeout(Unavailable):
    """A statement, or the wait for a lock, took longer than allowed."""

    code = "database_timeout"
    detail = "The database took too long to respond. Nothing was changed. Try again in a moment."


class DatabaseConflict(Unavailable):
    """The database rolled back this transaction because of a deadlock or a
    serialisation failure.
    """

    code = "database_conflict"
    detail = "This request conflicted with another one. Nothing was changed. Try again."


class UnstorableValue(Unprocessable):
    """A column cannot store a value, although the request's schema accepted it."""

    code = "unstorable_value"
    detail = "A value cannot be stored. It is too long, too large or of the wrong type."


SQLSTATES: dict[str, type[AppError]] = {
    "57014": DatabaseTimeout,  # query_canceled: statement_timeout
    "55P03": DatabaseTimeout,  # lock_not_available: lock_timeout
    "25P03": DatabaseTimeout,  # idle_in_transaction_session_timeout
    "40001": DatabaseConflict,  # serialization_failure
    "40P01": DatabaseConflict,  # deadlock_detected
    "08": DatabaseUnavailable,  # connection exceptions
    "25006": DatabaseUnavailable,  # read_only_sql_transaction: the primary has become a replica
    "53": DatabaseUnavailable,  # out of connections, memory, disk
    "57P": DatabaseUnavailable,  # shutdown, crash, starting up
    "58": DatabaseUnavailable,  # system errors
    "22": UnstorableValue,  # data exceptions
}


MYSQL_ERRORS: dict[int, type[AppError]] = {
    1205: DatabaseTimeout,  # ER_LOCK_WAIT_TIMEOUT
    1969: DatabaseTimeout,  # MariaDB's ER_STATEMENT_TIMEOUT
    3024: DatabaseTimeout,  # MySQL's ER_QUERY_TIMEOUT
    1213: DatabaseConflict,  # ER_LOCK_DEADLOCK
    # ER_SP_DOES_NOT_EXIST: a deadlock has rolled back the transaction, including the
    # savepoint that we wanted to release
    1305: DatabaseConflict,
    # Too many connections, shutdown, interrupted, read-only, killed, and connections
    # that failed or broke.
    **dict.fromkeys(
        (1040, 1053, 1290, 1317, 1836, 1927, 2002, 2003, 2006, 2013, 2055, 4031),
        DatabaseUnavailable,
    ),
}

SQLITE_SIGNS: dict[str, type[AppError]] = {
    "locked": DatabaseTimeout,
    "busy": DatabaseTimeout,
    "interrupted": DatabaseTimeout,  # the watchdog interrupted the statement
    **dict.fromkeys(
        ("disk is full", "disk I/O error", "unable to open", "readonly database"),
        DatabaseUnavailable,
    ),
}


def translate_database_error(error: Exception) -> AppError | None:
    """Return the error that a client gets for a database error.

    The result is `None` for a bug in our code, which becomes a 500.
    """
    if isinstance(error, PoolTimeout):
        return DatabaseBusy(retry_after=1)
    if isinstance(error, DBAPIError):
        state = getattr(error.orig, "pgcode", None) or ""
        known = next((kind for prefix, kind in SQLSTATES.items() if state.startswith(prefix)), None)
        if known or not state:
            kind = known or _without_state(error)
            return kind() if kind else None
    return None


def _without_state(error: DBAPIError) -> type[AppError] | None:
    """Translate an error without an SQLSTATE.

    There is none if the driver does not report it, or if the connection broke.
    """
    if isinstance(error, DataError):
        return UnstorableValue
    if error.connection_invalidated or isinstance(error, InterfaceError):
        return DatabaseUnavailable
    if not isinstance(error, OperationalError):
        return None
    number = error.orig.args[0] if error.orig and error.orig.args else None
    if isinstance(number, int):
        return MYSQL_ERRORS.get(number)
    if not type(error.orig).__module__.startswith("sqlite3"):
        return DatabaseUnavailable
    return next((kind for sign, kind in SQLITE_SIGNS.items() if sign in str(error.orig)), None)


@contextmanager
def conflicts(
    named: Mapping[str, type[AppError]] = NONE, *, gone: type[AppError] | None = None
) -> Iterator[None]:
    """Translate the violation of a constraint during a flush, by the name of the
    constraint.

    The database checks the constraint, so two simultaneous requests cannot both pass. A
    constraint that is missing from `named` stays an `IntegrityError`, which is a bug
    and becomes a 500. `gone` is raised if another request has deleted the row since it
    was read. Without `gone`, a `DatabaseConflict` (503) is raised instead.
    """
    try:
        yield
    except StaleDataError as error:
        if gone is None:
            raise
        raise gone from error
    except IntegrityError as error:
        kind = named.get(constraint_of(error, named) or "")
        if kind is None:
            raise
        raise kind from error


def constraint_of(
    error: IntegrityError, candidates: Mapping[str, object] | None = None
) -> str | None:
    """Return the name of the violated constraint, or `None` if it is unknown."""
    diagnosis = getattr(error.orig, "diag", None)
    if diagnosis is not None:
        return diagnosis.constraint_name  # type: ignore[no-any-return]
    text = str(error.orig.args[-1]) if error.orig else ""
    if match := SQLITE_COLUMNS.match(text):
        return _unique_over(match["columns"].split(", "))
    if match := NAMED.search(text):
        return next(name for name in match.groups() if name)
    foreign = [name for name in candidates or () if name.startswith("fk_")]
    # SQLite does not say which foreign key was violated. If the caller names only one
    # foreign key, that one was violated.
    return foreign[0] if "FOREIGN KEY" in text and len(foreign) == 1 else None


def _unique_over(columns: list[str]) -> str | None:
    """Find a unique constraint by its columns.

    SQLite does not report the name.
    """
    table = columns[0].partition(".")[0]
    names = {column.partition(".")[2] for column in columns}
    for constraint in Base.metadata.tables[table].constraints:
        if isinstance(constraint, UniqueConstraint | PrimaryKeyConstraint) and names == {
            column.name for column in constraint.columns
        }:
            return str(constraint.name)
    indexes = Base.metadata.tables[table].indexes
    return next(
        (str(i.name) for i in indexes if i.unique and names == {c.name for c in i.columns}), None
    )
