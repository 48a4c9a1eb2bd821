"""The database's clock: the one that all hosts share.

The clocks of two hosts differ, by seconds at least. A moment that one host writes and another compares (the end of a
lease, of a link, of a session; when a post is published; what a list is sorted by) is therefore never taken from the
host: `now()` stands in the statement, and the database fills in the moment.

    select(Link).where(Link.expires_at > clock.now())
    Link(expires_at=clock.now(timedelta(hours=1)))
    made_at: Mapped[datetime] = mapped_column(default=clock.now())

No statement is added by that. A decision in Python selects the answer with the row that it is about, as one more
column: `select(Link, Link.made_at > clock.now(-GRACE))`. `read` is for the rare one that has no statement of its own.

Only what stays on this host has the host's clock (`app.core.types.now`): logs, metrics and access tokens, which are
compared with a leeway. Durations are measured with `time.monotonic`.
"""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import BigInteger, literal, select
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import Session
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from app.db.types import UtcDateTime

MICROSECOND = timedelta(microseconds=1)
# The start of the statement, on all three. PostgreSQL's `now()` is the start of the transaction: what follows a wait
# for a lock would be dated before it. Its `clock_timestamp()` changes within a statement, so no index could be used.
READINGS = {
    "postgresql": "statement_timestamp()",
    "mysql": "UTC_TIMESTAMP(6)",
    "sqlite": "'now'",  # the host's own, to the millisecond: the file has only one host
}


class _Now(FunctionElement[datetime]):
    type = UtcDateTime()
    inherit_cache = True


def now(after: timedelta = timedelta()) -> FunctionElement[datetime]:
    """In a statement: the moment at which the database begins with it, or the one so long after it (or before)."""
    return _Now(literal(after // MICROSECOND, BigInteger())) if after else _Now()


def read(db: Session) -> datetime:
    """What the database's clock shows, by a statement of its own."""
    moment: datetime = db.execute(select(now())).scalar_one()
    return moment


def _parts(element: _Now, compiler: SQLCompiler, options: dict[str, Any]) -> tuple[str, str]:
    """The reading, and the microseconds to add; empty where there are none."""
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
    """In the form in which `UtcDateTime` keeps times there: they are compared as texts."""
    reading, after = _parts(element, compiler, options)
    modifier = f", printf('%+.6f seconds', {after} / 1e6)" if after else ""
    return f"strftime('%Y-%m-%d %H:%M:%f000', {reading}{modifier})"
