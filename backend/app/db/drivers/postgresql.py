"""The driver psycopg2, whose calls the watchdog ends when they take too long."""

import os
import socket
from typing import Any

import psycopg2
from psycopg2 import extensions

from app.db.deadlines import limited
from app.db.silence import Silence


class Cursor(extensions.cursor):
    """A cursor fetches rows from the client's memory, so only the sending of a
    statement can wait.
    """

    execute = limited(extensions.cursor.execute)
    executemany = limited(extensions.cursor.executemany)
    callproc = limited(extensions.cursor.callproc)
    copy_expert = limited(extensions.cursor.copy_expert)


class Connection(extensions.connection):
    limit: float
    silence: Silence

    commit = limited(extensions.connection.commit)
    rollback = limited(extensions.connection.rollback)

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.cursor_factory = Cursor

    @property
    def connection(self) -> "Connection":
        return self

    def cut(self) -> None:
        """Wake libpq, which waits for this socket to become readable.

        To libpq it then looks as if the server had closed the connection.
        """
        with socket.socket(fileno=os.dup(self.fileno())) as own:
            own.shutdown(socket.SHUT_RDWR)


def connect(*args: Any, limit: float, silence: Silence, **options: Any) -> Connection:
    """Connect. Before libpq has connected there is no call to cut, so its own
    `connect_timeout` limits that.
    """
    connection = psycopg2.connect(*args, connection_factory=Connection, **options)
    connection.limit, connection.silence = limit, silence
    return connection
