"""PyMySQL connections whose calls the watchdog can end.

PyMySQL's own timeouts apply to each read, so a slow server could prolong a call
indefinitely.
"""

import socket
from typing import Any

import pymysql

from app.db.deadlines import limited
from app.db.silence import Silence


class Connection(pymysql.Connection):
    _sock: socket.socket

    query = limited(pymysql.Connection.query)
    commit = limited(pymysql.Connection.commit)
    rollback = limited(pymysql.Connection.rollback)
    ping = limited(pymysql.Connection.ping)
    connect = limited(pymysql.Connection.connect)

    def __init__(self, *args: Any, limit: float, silence: Silence, **options: Any) -> None:
        self.limit = limit
        self.silence = silence
        super().__init__(*args, **options)  # connects

    @property
    def connection(self) -> "Connection":
        return self

    def cut(self) -> None:
        # This also works under TLS, although it skips the closing message of TLS.
        socket.socket.shutdown(self._sock, socket.SHUT_RDWR)
