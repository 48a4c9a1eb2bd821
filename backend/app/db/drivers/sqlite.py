"""SQLite connections whose calls the watchdog can end.

SQLite can be interrupted. It also works while rows are fetched, so fetching is limited,
too.
"""

import sqlite3
from typing import Any

from app.db.deadlines import time_limited
from app.db.silence import Silence

from .transactions import Transactional

# Under WAL, a transaction that reads first and writes later fails if another
# transaction has written in between, whatever the timeout is. So the write lock is
# taken at once.
BEGIN = "BEGIN IMMEDIATE"


class Cursor(sqlite3.Cursor):
    connection: "Connection"

    @time_limited
    def execute(self, statement: str, parameters: Any = ()) -> "Cursor":
        self._begin_before(statement)
        return super().execute(statement, parameters)

    @time_limited
    def executemany(self, statement: str, parameters: Any) -> "Cursor":
        self._begin_before(statement)
        return super().executemany(statement, parameters)

    fetchone = time_limited(sqlite3.Cursor.fetchone)
    fetchmany = time_limited(sqlite3.Cursor.fetchmany)
    fetchall = time_limited(sqlite3.Cursor.fetchall)

    def _begin_before(self, statement: str) -> None:
        if self.connection.begins_with(statement):
            super().execute(BEGIN)


class Connection(Transactional, sqlite3.Connection):
    limit: float
    silence: Silence

    @time_limited
    def commit(self) -> None:
        self.ended()
        super().commit()

    @time_limited
    def rollback(self) -> None:
        self.ended()
        super().rollback()

    @property
    def connection(self) -> "Connection":
        return self

    def cursor(self, factory: Any = Cursor) -> Any:
        return super().cursor(factory)

    def still_works(self) -> bool:
        return True

    def cut(self) -> None:
        self.interrupt()


def connect(*args: Any, limit: float, silence: Silence, **options: Any) -> Connection:
    connection = sqlite3.connect(*args, factory=Connection, **options)
    connection.limit, connection.silence = limit, silence
    return connection
