"""Two clocks that tests move: the host's and the database's.

`time_machine.travel` moves both, as time does. Within `host_ahead(minutes=3)` this
process is a host whose clock is wrong by that much. The database's clock is right, and
follows any other travel.
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
NOTABLE = 0.5  # seconds that a test travels at least
_ahead = timedelta()  # by how much this host's clock differs from the database's


@contextmanager
def host_ahead(**difference: float) -> Iterator[None]:
    """Put this host's clock ahead of the database's inside the block.

    A negative `timedelta` puts it behind.
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
    """Return whether more than the clock of this host is moved."""
    hatch = time_machine.escape_hatch
    return (
        hatch.is_travelling()
        and abs(time.time() - _ahead.total_seconds() - hatch.time.time()) > NOTABLE
    )


def follow_travel(
    _c: Connection, _cursor: Any, statement: str, given: Any, context: Any, _m: Any
) -> tuple[str, Any]:
    """Let the database read our clock while time is travelled.

    A listener of statements.
    """
    if _is_travelling():
        dialect, at = context.dialect.name, datetime.now(UTC) - _ahead
        if (
            dialect == "sqlite"
        ):  # which cuts off microseconds: what a test moved to would not have come yet
            at += timedelta(microseconds=-at.microsecond % 1000)
        moment = at.strftime("%Y-%m-%d %H:%M:%S.%f")
        statement = statement.replace(READINGS[dialect], MOMENTS[dialect].format(moment))
    return statement, given


@contextmanager
def database_travels() -> Iterator[None]:
    """Let the database of every engine of this process follow."""
    event.listen(Engine, "before_cursor_execute", follow_travel, retval=True)
    try:
        yield
    finally:
        event.remove(Engine, "before_cursor_execute", follow_travel)
