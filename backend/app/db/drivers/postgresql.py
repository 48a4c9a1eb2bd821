"""psycopg2 connections whose calls the watchdog can end, with few round trips.

psycopg2 sends `BEGIN` as a message of its own and waits for the response. Here, `BEGIN`
and savepoints travel in one message with the statement that follows them. The server
executes the parts of such a message one after the other.
"""

import os
import socket
from typing import Any

import psycopg2
from psycopg2 import extensions

from app.db.deadlines import time_limited
from app.db.silence import Silence

from .sockets import has_input
from .transactions import Transactional

BEGINS = {
    extensions.ISOLATION_LEVEL_REPEATABLE_READ: "BEGIN ISOLATION LEVEL REPEATABLE READ;",
    extensions.ISOLATION_LEVEL_SERIALIZABLE: "BEGIN ISOLATION LEVEL SERIALIZABLE;",
}
BEGIN = "BEGIN;"
WITHOUT_RESULT = ("SAVEPOINT ", "RELEASE SAVEPOINT ")


class Cursor(extensions.cursor):
    """A cursor of psycopg2.

    It fetches rows from the client's memory, so only executing a statement waits for
    the server.
    """

    connection: "Connection"

    @time_limited
    def execute(self, query: Any, parameters: Any = None) -> None:
        ahead = self.connection.ahead_of(query if isinstance(query, str) else "")
        if isinstance(query, str) and query.startswith(WITHOUT_RESULT):
            self.connection.ahead = f"{ahead}{query};"
        elif ahead:
            self._send_both(ahead, query, parameters)
        else:
            super().execute(query, parameters)

    @time_limited
    def executemany(self, query: Any, parameters: Any) -> None:
        self._send_ahead()
        super().executemany(query, parameters)

    @time_limited
    def callproc(self, name: Any, parameters: Any = ()) -> Any:
        self._send_ahead()
        return super().callproc(name, parameters)

    @time_limited
    def copy_expert(self, query: Any, *arguments: Any) -> None:
        self._send_ahead()
        super().copy_expert(query, *arguments)

    def _send_ahead(self) -> None:
        if ahead := self.connection.ahead_of(""):
            super().execute(ahead)

    def _send_both(self, ahead: str, query: Any, parameters: Any) -> None:
        if self.name is not None or not isinstance(query, str):
            super().execute(ahead)
            super().execute(query, parameters)
            return
        try:
            super().execute(ahead + query, parameters)
        except Exception as error:
            # The driver refused a value, or the server did not understand the message.
            # Then the server has executed no part of the message.
            if getattr(error, "pgcode", None) is None or self.connection.is_idle:
                self.connection.ahead = ahead
            raise


class Connection(Transactional, extensions.connection):
    limit: float
    silence: Silence

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.cursor_factory = Cursor
        self.autocommit = True
        self.ahead = ""  # sent together with the next statement
        self._opening = BEGIN

    @property
    def connection(self) -> "Connection":
        return self

    @property
    def is_idle(self) -> bool:
        """Return whether libpq knows of no open transaction."""
        return self.get_transaction_status() == extensions.TRANSACTION_STATUS_IDLE

    def ahead_of(self, statement: str) -> str:
        """Return what must be sent before this statement, and clear it."""
        if self.begins_with(statement):
            self.ahead = self._opening + self.ahead
        ahead, self.ahead = self.ahead, ""
        return ahead

    def read(self) -> None:
        # With such an isolation level, several statements see the same rows only in one
        # transaction.
        if self._opening == BEGIN:
            super().read()

    def set_isolation_level(self, level: int | None) -> None:
        self.rollback()  # as in psycopg2, which has read the old level in a transaction
        self.automatic = level == extensions.ISOLATION_LEVEL_AUTOCOMMIT
        self._opening = BEGINS.get(level or 0, BEGIN)

    def cursor(self, name: Any = None, *args: Any, **options: Any) -> Any:
        """Return a cursor.

        A cursor with a name is kept by the server, and needs a transaction that
        psycopg2 knows.
        """
        if name is not None and self.autocommit:
            self.begun()
            self.autocommit = False
        return super().cursor(name, *args, **options)

    def commit(self) -> None:
        self._end("COMMIT")

    def rollback(self) -> None:
        self._end("ROLLBACK")

    def _end(self, statement: str) -> None:
        self.ahead = ""  # no savepoint outlives the transaction
        try:
            if not self.is_idle:
                self.begun()
                with self.cursor() as cursor:
                    cursor.execute(statement)
        finally:
            self.ended()
        if not self.autocommit:
            super().rollback()
            self.autocommit = True

    def still_works(self) -> bool:
        """Return whether the server has kept this idle connection open."""
        if not has_input(self.fileno()):
            return True
        with self.cursor() as cursor:
            cursor.execute("SELECT 1")
        return True

    def cut(self) -> None:
        """Wake libpq, which waits for data on this socket.

        libpq then behaves as if the server had closed the connection.
        """
        with socket.socket(fileno=os.dup(self.fileno())) as own:
            own.shutdown(socket.SHUT_RDWR)


def connect(*args: Any, limit: float, silence: Silence, **options: Any) -> Connection:
    """Connect to PostgreSQL.

    The watchdog cannot end the connecting itself, so libpq's `connect_timeout` limits
    it.
    """
    connection = psycopg2.connect(*args, connection_factory=Connection, **options)
    connection.limit, connection.silence = limit, silence
    return connection
