"""PyMySQL connections whose calls the watchdog can end.

PyMySQL's own timeouts apply to each read, so a slow server could prolong a call
indefinitely.
"""

import socket
from typing import Any

import pymysql
from pymysql.constants import SERVER_STATUS

from app.db.deadlines import time_limited
from app.db.silence import Silence

from .sockets import has_input
from .transactions import Transactional


class Connection(Transactional, pymysql.Connection):
    _sock: socket.socket
    server_status: int

    ping = time_limited(pymysql.Connection.ping)
    connect = time_limited(pymysql.Connection.connect)

    def __init__(self, *args: Any, limit: float, silence: Silence, **options: Any) -> None:
        self.limit = limit
        self.silence = silence
        super().__init__(*args, **options)  # connects

    @time_limited
    def query(self, sql: Any, unbuffered: bool = False) -> Any:  # noqa: FBT001, FBT002 - as PyMySQL
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
        """Begin no transactions. The server then commits each statement itself."""
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
        # This also works under TLS, although it skips the closing message of TLS.
        socket.socket.shutdown(self._sock, socket.SHUT_RDWR)
