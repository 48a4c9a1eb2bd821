"""Tests can move two clocks: the host's clock and the database's clock.

`time_machine.travel` moves both clocks, as time does. Within `host_ahead(minutes=3)`,
this process is a host whose clock is three minutes fast. The database's clock stays
right, and still follows `time_machine.travel`.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import time_machine
from sqlalchemy import Connection, Engine, event

from app.db.clock import READINGS

MOMENTS = {
    "postgresql": "timestamptz '{}+00'",
    "mysql": "TIMESTAMP'{}'",
    "sqlite": "'{}'",
}
NOTABLE = 0.5  # a test travels at least this many seconds
_ahead = timedelta()  # the host's clock minus the database's clock


@contextmanager
def host_ahead(**difference: float) -> Iterator[None]:
    """Put this host's clock ahead of the database's clock inside the block.

    With a negative `timedelta`, the host's clock is behind.
    """
    global _ahead  # noqa: PLW0603 - the process has one host clock, and requests run in other threads
    before = _ahead
    _ahead = timedelta(**difference)
    try:
        with time_machine.travel(datetime.now(UTC) - before + _ahead):
            yield
    finally:
        _ahead = before


def _is_travelling() -> bool:
    """Return whether a test has moved the time, and not only the host's clock."""
    hatch = time_machine.escape_hatch
    return (
        hatch.is_travelling()
        and abs(time.time() - _ahead.total_seconds() - hatch.time.time()) > NOTABLE
    )


def follow_travel(
    _c: Connection, _cursor: Any, statement: str, given: Any, context: Any, _m: Any
) -> tuple[str, Any]:
    """Replace the database's time in a statement while a test travels in time.

    This is a listener of SQLAlchemy's events.
    """
    if _is_travelling():
        dialect, at = context.dialect.name, datetime.now(UTC) - _ahead
        if (
            dialect == "sqlite"
        ):  # SQLite drops microseconds, so the time that a test moved to would lie ahead
            at += timedelta(microseconds=-at.microsecond % 1000)
        moment = at.strftime("%Y-%m-%d %H:%M:%S.%f")
        statement = statement.replace(READINGS[dialect], MOMENTS[dialect].format(moment))
    return statement, given


@contextmanager
def database_travels() -> Iterator[None]:
    """Make the database clock of every engine of this process follow the test's travel
    in time.
    """
    event.listen(Engine, "before_cursor_execute", follow_travel, retval=True)
    try:
        yield
    finally:
        event.remove(Engine, "before_cursor_execute", follow_travel)
