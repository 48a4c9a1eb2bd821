"""Notes what each transaction changes, for the caches in all processes.

A change has a name: `posts.title` if an update changed that column, `posts.+` if rows
were added, and `posts.*` if rows were deleted or if only the table is known.

| When | What happens |
|---|---|
| flush, ORM or Core statement | the names are collected in `Session.info` |
| before the commit | `cache_marks` gets a row, unless a recent row has the same name |
| after the commit | this process's listeners run, before the response is sent |

**Marks.** A mark is a row of `cache_marks`. If each change added a row, each write
would need one more statement. If all changes updated one row of versions, all writers
would wait for each other. So a mark announces changes for `HEAT` seconds. During that
time, the name is hot: other processes expect changes. A process that has marked a name
needs no new mark for this name until that time is nearly over. Processes only add marks
and never update them, so no writer waits for another.

A mark is part of the transaction whose changes it announces. So the mark reaches the
other processes even if this process is killed directly after the commit. Changes made
by textual SQL, or without a `Session`, are not noticed.
"""

import secrets
import time
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

from sqlalchemy import String, Table, event, insert, inspect
from sqlalchemy.orm import (
    InstanceState,
    Mapped,
    ORMExecuteState,
    Session,
    SessionTransaction,
    UOWTransaction,
    mapped_column,
)

from . import clock
from .base import Base
from .types import PrimaryKey

HEAT = timedelta(seconds=30)
# A mark is renewed after this many seconds. At that point, the name stays hot for
# longer than a COMMIT takes.
COVERED_SECONDS = 20.0
CASCADES = {"CASCADE", "SET NULL", "SET DEFAULT"}
# No cached response depends on these tables, and their rows change all the time.
UNWATCHED = {
    "activities",
    "activity_outbox",
    "batch_positions",
    "cache_marks",
    "idempotency_keys",
    "jobs",
    "mails",
    "security_events",
}

process = secrets.token_hex(8)
"""The name by which marks identify this process."""

_CHANGED = "names of changes"
_MARKED = "names that this transaction marks"
_covered_until: dict[str, float] = {}
_listeners: list[Callable[[frozenset[str]], None]] = []


class CacheMark(Base):
    """A note that `process` may change rows under this name until `hot_until`."""

    __tablename__ = "cache_marks"

    id: Mapped[PrimaryKey]
    name: Mapped[str] = mapped_column(String(130))
    process: Mapped[str] = mapped_column(String(16))
    hot_until: Mapped[datetime] = mapped_column(default=clock.now(HEAT), index=True)


def listen(listener: Callable[[frozenset[str]], None]) -> None:
    """Call `listener` with the names of changes after each transaction.

    The listener runs in the thread of the request, so it must be quick and must not
    raise an error. The listener is also called after a rollback, if the transaction had
    flushed a change.
    """
    _listeners.append(listener)


def names_of_table(table: Table) -> frozenset[str]:
    """Return the names of all possible changes to this table."""
    return frozenset(f"{table.name}.{part}" for part in ("+", "*", *table.columns.keys()))


def forget() -> None:
    """Forget which names are marked, so that the next change is marked again."""
    _covered_until.clear()


@event.listens_for(Session, "after_flush")
def _note_flush(db: Session, _context: UOWTransaction) -> None:
    changed: set[str] = db.info.setdefault(_CHANGED, set())
    for added in db.new:
        changed.add(f"{added.__table__.name}.+")
    for deleted in db.deleted:
        changed.update(_deleted(deleted.__table__))
    for dirty in db.dirty:
        changed.update(_updated(inspect(dirty)))


def _updated(state: InstanceState[Any]) -> Iterator[str]:
    columns = state.mapper.columns
    for key in state.committed_state:
        if key in columns:
            yield f"{columns[key].table}.{columns[key].name}"


@event.listens_for(Session, "do_orm_execute")
def _note_statement(execution: ORMExecuteState) -> None:
    """Note what a statement changes. For an update, only the table is known."""
    if not (execution.is_update or execution.is_delete or execution.is_insert):
        return
    table = getattr(execution.statement, "table", None)
    if isinstance(table, Table):
        kept = f"{table.name}.{'+' if execution.is_insert else '*'}"
        changed: set[str] = execution.session.info.setdefault(_CHANGED, set())
        changed.update(_deleted(table) if execution.is_delete else (kept,))


@lru_cache
def _deleted(table: Table) -> frozenset[str]:
    """Return the changes that a deletion from this table can cause.

    The database itself also deletes or changes rows of other tables, if these refer to
    the deleted rows.
    """
    found, waiting = {table}, [table]
    while waiting:
        parent = waiting.pop()
        for child in parent.metadata.sorted_tables:
            keys = (key for key in child.foreign_keys if key.column.table is parent)
            if child not in found and any(key.ondelete in CASCADES for key in keys):
                found.add(child)
                waiting.append(child)
    return frozenset(f"{one.name}.*" for one in found)


@event.listens_for(Session, "before_commit")
def _mark(db: Session) -> None:
    if db.in_nested_transaction():
        return
    if db.new or db.dirty or db.deleted:  # `commit` itself flushes only after this event
        db.flush()
    changed: set[str] = db.info.get(_CHANGED, set())
    now = time.monotonic()
    if missing := {name for name in watchable(changed) if _covered_until.get(name, 0.0) <= now}:
        db.info[_MARKED] = now, missing
        db.execute(insert(CacheMark), _rows(missing))


def watchable(names: Iterable[str]) -> list[str]:
    """Return the sorted names of changes that may affect a cached response."""
    return sorted(name for name in names if name.partition(".")[0] not in UNWATCHED)


def _rows(names: Iterable[str]) -> list[dict[str, str]]:
    return [{"name": name, "process": process} for name in sorted(names)]


@event.listens_for(Session, "after_commit")
def _cover(db: Session) -> None:
    """Remember which names are marked. Other processes can see the marks now."""
    if db.in_nested_transaction() or _MARKED not in db.info:
        return
    began, marked = db.info.pop(_MARKED)
    _covered_until.update(dict.fromkeys(marked, began + COVERED_SECONDS))


@event.listens_for(Session, "after_transaction_end")
def _tell(db: Session, transaction: SessionTransaction) -> None:
    if transaction.parent is not None:
        return
    db.info.pop(_MARKED, None)
    if changed := db.info.pop(_CHANGED, None):
        names = frozenset(watchable(changed))
        for listener in _listeners if names else ():
            listener(names)
