"""Watches: the tables that a cached response depends on, and whether they have changed.

A computation first reads the `version` of its watch. The result is outdated as soon as
the version differs. So a reader that began before a write cannot store the old data
under the new version.
"""

import time
from collections.abc import Iterable
from threading import Lock
from typing import Any

from sqlalchemy import ColumnElement, Table, inspect
from sqlalchemy.orm import InstrumentedAttribute

from app.db import changes
from app.db.base import Base

Watched = type[Base] | InstrumentedAttribute[Any]
Condition = ColumnElement[bool] | InstrumentedAttribute[bool]
Due = tuple[InstrumentedAttribute[Any], *tuple[Condition, ...]]

# For this many seconds after a change, processes do not use shared responses (see
# `shared`).
HEAT_SECONDS = 30.0
# The result of a poll is valid for this long after the beginning of the poll. Without a
# valid result, the cache is not used.
FRESH_SECONDS = 1.0

_lock = Lock()
_by_name: dict[str, list["Watch"]] = {}
_all: list["Watch"] = []


class Watch:
    """A group of tables and columns that a cached response depends on.

    A table stands for all its rows. A column stands for its values in existing rows, so
    a new row does not count as a change.

    With `due`, a row also counts as changed when it becomes due. `due` is a column with
    times, followed by conditions. Only rows that meet these conditions become due. An
    index must begin with the columns of these conditions and end with the column of
    times.
    """

    def __init__(self, *watched: Watched, due: Due | None = None) -> None:
        self.version = 0
        self.due = due
        # A process that has just started does not know the changes before its start.
        self._set_changed()
        self.names = frozenset(name for one in watched for name in _names(one))
        with _lock:
            _all.append(self)
            for name in self.names:
                _by_name.setdefault(name, []).append(self)

    def change(self) -> None:
        """Mark every response that depends on this watch as outdated."""
        with _lock:
            self._change()

    def _change(self) -> None:
        self.version += 1
        self._set_changed()

    def _set_changed(self) -> None:
        self.changed_at = time.monotonic()
        self.hot_until = self.changed_at + HEAT_SECONDS


def _names(watched: Watched) -> Iterable[str]:
    if isinstance(watched, InstrumentedAttribute):
        column = watched.property.columns[0]
        return f"{column.table.name}.{column.name}", f"{column.table.name}.*"
    table = inspect(watched).local_table
    assert isinstance(table, Table)
    return changes.names_of_table(table)


def all_watches() -> list[Watch]:
    return list(_all)


def change(names: Iterable[str]) -> None:
    """Mark every response that depends on one of these names as outdated."""
    with _lock:
        for watch in {watch for name in names for watch in _by_name.get(name, ())}:
            watch._change()  # noqa: SLF001 - under the same lock


class Freshness:
    """The state of this process: whether it knows the changes of other processes.

    Without this knowledge, no cached response is used, because an outdated response is
    worse than a slow response.
    """

    def __init__(self) -> None:
        self.until = 0.0

    def renew(self, began: float) -> None:
        """Record that a poll has succeeded. `began` is the monotonic time of its
        beginning.
        """
        self.until = began + FRESH_SECONDS

    @property
    def ok(self) -> bool:
        return time.monotonic() < self.until


freshness = Freshness()
changes.listen(change)
