"""psycopg2 connections whose calls the watchdog can end."""

import os
import socket
from typing import Any

import psycopg2
from psycopg2 import extensions

from app.db.deadlines import limited
from app.db.silence import Silence


class Cursor(extensions.cursor):
    """A cursor of psycopg2.

    It fetches rows from the client's memory, so only executing a statement waits for
    the server.
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
