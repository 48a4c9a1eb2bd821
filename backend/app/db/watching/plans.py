"""Explains slow queries after the request, on a separate connection.

A plan shows which indexes a query uses. `EXPLAIN` returns the plan, and does not
execute the query. The conditions in a plan contain users' data. So the log gets only
the kind, the table, the index and the estimates of each step.
"""

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from contextvars import Context, copy_context
from functools import lru_cache
from queue import Full, Queue
from threading import Thread
from typing import Any, NamedTuple

from sqlalchemy import Engine

from app.core.config import get_settings
from app.core.logging import get_logger
from app.db.drivers.transactions import only_reads
from app.db.engines import Limits, make_engine

from .tally import current

SECONDS = 2.0  # how long one `EXPLAIN` may take, including the wait for locks
AGAIN = 600.0  # seconds before a query with the same fingerprint is explained again
WAITING = 8  # maximum number of queries that wait for their plan
MOST = 500  # maximum number of fingerprints that one process remembers
LINES = 40  # maximum number of steps of a plan that are logged
PREFIXES = {
    "postgresql": "EXPLAIN (FORMAT JSON) ",
    "mysql": "EXPLAIN ",
    "sqlite": "EXPLAIN QUERY PLAN ",
}
COLUMNS = ("table", "type", "key", "rows", "extra")  # columns of a MySQL plan without values

log = get_logger(__name__)


class Slow(NamedTuple):
    """A query whose plan is wanted."""

    where: Mapping[str, str]
    fingerprint: str
    statement: str
    values: tuple[Any, ...]
    context: Context  # contains the id of the request, for the log


waiting: "Queue[Slow]" = Queue(WAITING)
_explained: dict[str, float] = {}


def request_plan(
    where: Mapping[str, str], fingerprint: str, statement: str, values: tuple[Any, ...]
) -> None:
    """Log the plan of this query soon, unless the query was explained recently.

    Statements other than queries are not explained. If too many queries are already
    waiting to be explained, this query is not explained, either.
    """
    now = time.monotonic()
    if not only_reads(statement) or now < _explained.get(fingerprint, 0.0):
        return
    start_thread()
    try:
        waiting.put_nowait(Slow(where, fingerprint, statement, values, copy_context()))
    except Full:
        return
    if len(_explained) >= MOST:
        _explained.clear()
    _explained[fingerprint] = now + AGAIN


def finish() -> None:
    """Wait until all requested plans are logged. Tests use this."""
    waiting.join()


def forget() -> None:
    """Forget which queries were explained."""
    _explained.clear()


@lru_cache
def start_thread() -> None:
    Thread(target=_work, name="plans", daemon=True).start()


def _work() -> None:
    while True:
        slow = waiting.get()
        try:
            slow.context.run(_log_plan, slow)
        finally:
            waiting.task_done()


def _log_plan(slow: Slow) -> None:
    current.set(None)  # this thread's statements must not count as the request's
    try:
        plan = _explain(slow.statement, slow.values)
    except Exception as error:  # noqa: BLE001 - a plan is never worth a failure
        # The text of the error may contain values.
        log.info("no_plan", fingerprint=slow.fingerprint, reason=type(error).__name__)
        return
    log.warning("slow_statement_plan", **slow.where, fingerprint=slow.fingerprint, plan=plan)


def _explain(statement: str, values: tuple[Any, ...]) -> list[str]:
    engine = _engine()
    connection = engine.raw_connection()
    driver: Any = connection.driver_connection
    driver.automatic = True  # begin no transaction, because it would lock the SQLite file
    try:
        cursor = driver.cursor()
        cursor.execute(PREFIXES[engine.dialect.name] + statement, *values)
        names = [str(column[0]).lower() for column in cursor.description]
        rows = cursor.fetchall()
    finally:
        # The connection is not kept open, because plans are seldom requested.
        connection.invalidate()
    return list(_STEPS[engine.dialect.name](names, rows))[:LINES]


@lru_cache
def _engine() -> Engine:
    return make_engine(
        get_settings(), pool_size=1, max_overflow=0, name="liftoff plans", limits=Limits(SECONDS)
    )


def _of_postgresql(_names: list[str], rows: Sequence[Any]) -> Iterator[str]:
    plan = rows[0][0]
    whole = json.loads(plan) if isinstance(plan, str) else plan
    yield from _node(whole[0]["Plan"], 0)


def _node(node: Mapping[str, Any], depth: int) -> Iterator[str]:
    parts = [node[key] for key in ("Node Type", "Relation Name", "Index Name") if key in node]
    estimates = f"rows={node['Plan Rows']} cost={node['Total Cost']}"
    yield "  " * depth + " ".join([*parts, estimates])
    for below in node.get("Plans", ()):
        yield from _node(below, depth + 1)


def _of_mysql(names: list[str], rows: Sequence[Any]) -> Iterator[str]:
    for row in rows:
        found = dict(zip(names, row, strict=True))
        yield " ".join(f"{name}={found[name]}" for name in COLUMNS if found.get(name))


def _of_sqlite(names: list[str], rows: Sequence[Any]) -> Iterator[str]:
    place = names.index("detail")
    for row in rows:
        yield str(row[place])


_STEPS = {"postgresql": _of_postgresql, "mysql": _of_mysql, "sqlite": _of_sqlite}
