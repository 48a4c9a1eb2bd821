"""The clock of the database, which all hosts share.

The clocks of two hosts may differ by seconds or more. So a host's clock is never used
for a time that another host compares with its own. Such times are the end of a lease, a
link or a session, the time at which a post is published, and a time that a list is
sorted by. For these times, `now()` is part of the statement, and the database fills in
the time:

    select(Link).where(Link.expires_at > clock.now())
    Link(expires_at=clock.now(timedelta(hours=1)))
    made_at: Mapped[datetime] = mapped_column(default=clock.now())

This needs no additional statement. If Python code needs the result of a comparison, the
query selects the comparison as one more column: `select(Link, Link.made_at >
clock.now(-GRACE))`. `read_database_time` is for the rare code that sends no statement
of its own.

The host's clock (`app.core.types.utc_now`) is used only for times that stay on one
host, such as logs and metrics, and for access tokens, which are checked with a leeway.
Durations are measured with `time.monotonic`.
"""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import BigInteger, literal, select
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import Session
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from .types import UtcDateTime

MICROSECOND = timedelta(microseconds=1)
# Each expression yields the time at which the statement begins. PostgreSQL's `now()`
# would yield the time at which the transaction begins. A row that is written after a
# wait for a lock would then have a time before that wait. `clock_timestamp()` changes
# within a statement, so no index could be used.
READINGS = {
    "postgresql": "statement_timestamp()",
    "mysql": "UTC_TIMESTAMP(6)",
    "sqlite": "'now'",  # the host's clock, because only one host uses an SQLite file
}


class _Now(FunctionElement[datetime]):
    type = UtcDateTime()
    inherit_cache = True


def now(after: timedelta = timedelta()) -> FunctionElement[datetime]:
    """Return an SQL expression for the time at which the statement begins.

    `after` is added to that time, and may be negative.
    """
    return _Now(literal(after // MICROSECOND, BigInteger())) if after else _Now()


def read_database_time(db: Session) -> datetime:
    """Read the current time of the database's clock, in a separate statement."""
    moment: datetime = db.execute(select(now())).scalar_one()
    return moment


def _parts(element: _Now, compiler: SQLCompiler, options: dict[str, Any]) -> tuple[str, str]:
    """Return the SQL for the current time and for the offset, which may be empty."""
    return READINGS[compiler.dialect.name], compiler.process(element.clauses, **options)


@compiles(_Now, "postgresql")
def _postgresql(element: _Now, compiler: SQLCompiler, **options: Any) -> str:
    reading, after = _parts(element, compiler, options)
    return f"({reading} + {after} * interval '1 microsecond')" if after else reading


@compiles(_Now, "mysql", "mariadb")
def _mysql(element: _Now, compiler: SQLCompiler, **options: Any) -> str:
    reading, after = _parts(element, compiler, options)
    return f"({reading} + INTERVAL {after} MICROSECOND)" if after else reading


@compiles(_Now, "sqlite")
def _sqlite(element: _Now, compiler: SQLCompiler, **options: Any) -> str:
    """Return the time in the format of `UtcDateTime`, because SQLite compares text."""
    reading, after = _parts(element, compiler, options)
    modifier = f", printf('%+.6f seconds', {after} / 1e6)" if after else ""
    return f"strftime('%Y-%m-%d %H:%M:%f000', {reading}{modifier})"
