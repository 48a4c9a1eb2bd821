"""SQLite connections whose calls the watchdog can end.

SQLite can be interrupted. It also works while rows are fetched, so fetching is limited,
too.
"""

import sqlite3
from typing import Any

from app.db.deadlines import limited
from app.db.silence import Silence


class Cursor(sqlite3.Cursor):
    execute = limited(sqlite3.Cursor.execute)
    executemany = limited(sqlite3.Cursor.executemany)
    fetchone = limited(sqlite3.Cursor.fetchone)
    fetchmany = limited(sqlite3.Cursor.fetchmany)
    fetchall = limited(sqlite3.Cursor.fetchall)


class Connection(sqlite3.Connection):
    limit: float
    silence: Silence

    commit = limited(sqlite3.Connection.commit)
    rollback = limited(sqlite3.Connection.rollback)

    @property
    def connection(self) -> "Connection":
        return self

    def cursor(self, factory: Any = Cursor) -> Any:
        return super().cursor(factory)

    def cut(self) -> None:
        self.interrupt()


def connect(*args: Any, limit: float, silence: Silence, **options: Any) -> Connection:
    connection = sqlite3.connect(*args, factory=Connection, **options)
    connection.limit, connection.silence = limit, silence
    return connection
