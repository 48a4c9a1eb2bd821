"""PyMySQL connections whose calls the watchdog can end.

PyMySQL's own timeouts apply to each single read, so a server that sends a little now
and then could prolong a call indefinitely.
"""

import socket
import time
from typing import Any

import pymysql
import pymysql.cursors
from pymysql.constants import SERVER_STATUS

from app.db.deadlines import time_limited
from app.db.silence import Silence
from app.db.watching.tally import current

from .sockets import has_input
from .transactions import Transactional


class Cursor(pymysql.cursors.Cursor):
    """A cursor that counts its statements.

    The connection cannot count them, because it gets a statement with the values
    already inserted.
    """

    _of_many = ""

    def execute(self, query: Any, args: Any = None) -> int:
        began = time.monotonic()
        try:
            return super().execute(query, args)
        finally:
            if (tally := current.get()) is not None:
                # `executemany` inserts the values itself, and passes the result as
                # bytes.
                statement = query if isinstance(query, str) else self._of_many
                tally.note(statement, (args,), time.monotonic() - began)

    def executemany(self, query: Any, args: Any) -> int | None:
        self._of_many = query
        return super().executemany(query, args)


class Connection(Transactional, pymysql.Connection):
    _sock: socket.socket
    server_status: int

    ping = time_limited(pymysql.Connection.ping)
    connect = time_limited(pymysql.Connection.connect)

    def __init__(self, *args: Any, limit: float, silence: Silence, **options: Any) -> None:
        self.limit = limit
        self.silence = silence
        super().__init__(*args, cursorclass=Cursor, **options)  # this connects

    @time_limited
    def query(self, sql: Any, unbuffered: bool = False) -> Any:  # noqa: FBT001, FBT002 - PyMySQL's signature
        if self.begins_with(sql if isinstance(sql, str) else ""):
            super().query("BEGIN")
        return super().query(sql, unbuffered)

    @time_limited
    def commit(self) -> None:
        self.ended()
        if self._in_transaction:
            super().commit()

    @time_limited
    def rollback(self) -> None:
        self.ended()
        if self._in_transaction:
            super().rollback()

    def autocommit(self, value: Any) -> None:
        """Begin no transactions, so that the server commits each statement."""
        self.automatic = bool(value)

    @property
    def _in_transaction(self) -> bool:
        return bool(self.server_status & SERVER_STATUS.SERVER_STATUS_IN_TRANS)

    def still_works(self) -> bool:
        """Return whether the server has kept this idle connection open."""
        if has_input(self._sock.fileno()):
            self.ping(reconnect=False)
        return True

    @property
    def connection(self) -> "Connection":
        return self

    def cut(self) -> None:
        # This shutdown also works under TLS, although it sends no TLS message that
        # announces the end of the connection.
        socket.socket.shutdown(self._sock, socket.SHUT_RDWR)
