"""SQLite connections whose calls the watchdog can end.

The watchdog ends a call with SQLite's own interrupt. SQLite computes rows while they
are fetched, so fetching has a time limit, too.
"""

import sqlite3
from typing import Any

from app.db.deadlines import time_limited, time_limited_statement
from app.db.silence import Silence

from .transactions import Transactional

# Under WAL, a transaction that reads first and writes later fails if another
# transaction has written between the read and the write, whatever the timeout is. So
# each transaction takes the write lock when it begins.
BEGIN = "BEGIN IMMEDIATE"


class Cursor(sqlite3.Cursor):
    connection: "Connection"

    @time_limited_statement
    def execute(self, statement: str, parameters: Any = ()) -> "Cursor":
        self._begin_before(statement)
        return super().execute(statement, parameters)

    @time_limited_statement
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
