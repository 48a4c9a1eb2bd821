"""What a database's errors mean: a broken constraint by name, everything else by class and SQLSTATE."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import MappingProxyType

from sqlalchemy import PrimaryKeyConstraint, UniqueConstraint
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm.exc import StaleDataError

from app.core.errors import AppError, Unavailable, Unprocessable
from app.db.database import Base, DatabaseBusy

SQLITE_COLUMNS = re.compile(r"UNIQUE constraint failed: (?P<columns>\w+\.[\w., ]+)")
# Anchored, because MySQL repeats the value, and a value could pass for a message.
NAMED = re.compile(
    r"^(?:CHECK constraint failed: |UNIQUE constraint failed: index ')(\w+)|^Duplicate .* for key '(?:\w+\.)?(\w+)'$"
    r"|^[^']*CONSTRAINT `(\w+)`|^Check constraint '(\w+)' is",
    re.DOTALL,
)
NONE: Mapping[str, type[AppError]] = MappingProxyType({})


class DatabaseUnavailable(Unavailable):
    """The database is away, starting, full or cut off."""

    code = "database_unavailable"
    detail = "The database cannot be reached. Try again in a moment."


class DatabaseTimeout(Unavailable):
    """A statement or a lock took longer than it may."""

    code = "database_timeout"
    detail = "The database took too long. Nothing was changed; try again in a moment."


class DatabaseConflict(Unavailable):
    """Two transactions got in each other's way, and this one gave in (deadlock, serialisation)."""

    code = "database_conflict"
    detail = "Another request got in the way. Nothing was changed; try again."


class UnstorableValue(Unprocessable):
    """A value that a column cannot hold and no schema refused before."""

    code = "unstorable_value"
    detail = "A value cannot be stored: it is too long, too large or of another kind."


SQLSTATES: dict[str, type[AppError]] = {
    "57014": DatabaseTimeout,  # query_canceled: statement_timeout
    "55P03": DatabaseTimeout,  # lock_not_available: lock_timeout
    "25P03": DatabaseTimeout,  # idle_in_transaction_session_timeout
    "40001": DatabaseConflict,  # serialization_failure
    "40P01": DatabaseConflict,  # deadlock_detected
    "08": DatabaseUnavailable,  # connection exceptions
    "25006": DatabaseUnavailable,  # read_only_sql_transaction: a primary that became a replica
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
    1305: DatabaseConflict,  # ER_SP_DOES_NOT_EXIST: a deadlock ended the whole transaction, and its savepoint with it
    # too many connections, shutdown, interrupted, read-only, killed, and connections that could not be made or broke
    **dict.fromkeys((1040, 1053, 1290, 1317, 1836, 1927, 2002, 2003, 2006, 2013, 2055, 4031), DatabaseUnavailable),
}

SQLITE_SIGNS: dict[str, type[AppError]] = {
    "locked": DatabaseTimeout,
    "busy": DatabaseTimeout,
    "interrupted": DatabaseTimeout,  # by the watchdog
    **dict.fromkeys(("disk is full", "disk I/O error", "unable to open", "readonly database"), DatabaseUnavailable),
}


def translate(error: Exception) -> AppError | None:
    """What to tell the client about a database error; None where it is a bug of ours and a plain 500."""
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
    """Drivers that give no SQLSTATE, and connections that broke before there was one."""
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
def conflicts(named: Mapping[str, type[AppError]] = NONE, *, gone: type[AppError] | None = None) -> Iterator[None]:
    """Around a flush: turn the break of a constraint into the error that stands for its name.

    The database decides, so that two requests at once cannot both pass. A constraint that is not in `named` stays an
    `IntegrityError`: a bug, and a 500 that says so in the log. `gone` is for a row that another request deleted after
    this one had read it; without it that is `DatabaseConflict` (503).
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


def constraint_of(error: IntegrityError, candidates: Mapping[str, object] | None = None) -> str | None:
    """The name of the constraint that broke, on any database; None where it cannot be told."""
    diagnosis = getattr(error.orig, "diag", None)
    if diagnosis is not None:
        return diagnosis.constraint_name  # type: ignore[no-any-return]
    text = str(error.orig.args[-1]) if error.orig else ""
    if match := SQLITE_COLUMNS.match(text):
        return _unique_over(match["columns"].split(", "))
    if match := NAMED.search(text):
        return next(name for name in match.groups() if name)
    foreign = [name for name in candidates or () if name.startswith("fk_")]
    # SQLite does not say which foreign key broke; where a caller expects one only, it is that one.
    return foreign[0] if "FOREIGN KEY" in text and len(foreign) == 1 else None


def _unique_over(columns: list[str]) -> str | None:
    """SQLite names the columns of a broken constraint; ours are named after them."""
    table = columns[0].partition(".")[0]
    names = {column.partition(".")[2] for column in columns}
    for constraint in Base.metadata.tables[table].constraints:
        if isinstance(constraint, UniqueConstraint | PrimaryKeyConstraint) and names == {
            column.name for column in constraint.columns
        }:
            return str(constraint.name)
    indexes = Base.metadata.tables[table].indexes
    return next((str(i.name) for i in indexes if i.unique and names == {c.name for c in i.columns}), None)
