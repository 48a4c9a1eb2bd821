"""psycopg2 connections whose calls the watchdog can end, with few round trips.

psycopg2 sends `BEGIN` as a separate message and waits for the response. Here, `BEGIN`
and savepoints are sent in one message with the statement that follows them. An INSERT
that begins with `AHEAD` is sent in the same way, because its result is not needed. The
server executes the parts of such a message one after the other.

A pooler such as PgBouncer lends a client one of its connections for one transaction. A
setting that we made for the connection would be lost after that, or would apply to
other clients. So behind a pooler, each transaction sets our time limits, in the same
message as `BEGIN`.
"""

import os
import socket
from collections.abc import Mapping
from typing import Any

import psycopg2
from psycopg2 import extensions

from app.db.deadlines import time_limited, time_limited_statement
from app.db.silence import Silence

from .sockets import has_input
from .transactions import Transactional

BEGINS = {
    extensions.ISOLATION_LEVEL_REPEATABLE_READ: "BEGIN ISOLATION LEVEL REPEATABLE READ;",
    extensions.ISOLATION_LEVEL_SERIALIZABLE: "BEGIN ISOLATION LEVEL SERIALIZABLE;",
}
BEGIN = "BEGIN;"
AHEAD = "INSERT /* ahead */"  # the beginning of what `app.db.insertion.insert_ahead` returns
WITHOUT_RESULT = ("SAVEPOINT ", "RELEASE SAVEPOINT ")
TRANSACTION = "transaction"  # the mode in which a pooler lends a connection for each transaction
# PgBouncer refuses a client that sends the startup parameter `options`, unless
# PgBouncer is configured to ignore this parameter.
UNSUPPORTED = "unsupported startup parameter"


class Cursor(extensions.cursor):
    """A cursor of psycopg2.

    All rows of a result are already in the client's memory when they are fetched, so
    only executing a statement waits for the server.
    """

    connection: "Connection"

    @time_limited_statement
    def execute(self, query: Any, parameters: Any = None) -> None:
        ahead = self.connection.ahead_of(query if isinstance(query, str) else "")
        if isinstance(query, str) and query.startswith(WITHOUT_RESULT):
            self.connection.ahead = f"{ahead}{query};"
        elif isinstance(query, str) and query.startswith(AHEAD) and not self.connection.is_idle:
            self.connection.ahead = f"{ahead}{self._complete(query, parameters)};"
        elif ahead:
            self._send_both(ahead, query, parameters)
        else:
            super().execute(query, parameters)

    @time_limited_statement
    def executemany(self, query: Any, parameters: Any) -> None:
        self._send_ahead()
        super().executemany(query, parameters)

    @time_limited
    def callproc(self, name: Any, parameters: Any = ()) -> Any:
        self._send_ahead()
        return super().callproc(name, parameters)

    @time_limited_statement
    def copy_expert(self, query: Any, *arguments: Any) -> None:
        self._send_ahead()
        super().copy_expert(query, *arguments)

    @time_limited
    def ping(self) -> None:
        super().execute("SELECT 1")

    def _send_ahead(self) -> None:
        if ahead := self.connection.ahead_of(""):
            super().execute(ahead)

    def _send_both(self, ahead: str, query: Any, parameters: Any) -> None:
        if self.name is not None or not isinstance(query, str):
            super().execute(ahead)
            super().execute(query, parameters)
            return
        try:
            super().execute(ahead + self._complete(query, parameters))
        except Exception as error:
            # Either the driver refused a value, or the server could not parse the
            # message. In both cases, the server has executed no part of the message.
            if getattr(error, "pgcode", None) is None or self.connection.is_idle:
                self.connection.ahead = ahead
            raise

    def _complete(self, query: str, parameters: Any) -> str:
        """Return the query with its parameters inserted, as psycopg2 would send it."""
        return self.mogrify(query, parameters).decode() if parameters else query


class Connection(Transactional, extensions.connection):
    limit: float
    silence: Silence

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.cursor_factory = Cursor
        self.autocommit = True
        self.ahead = ""  # SQL that is sent together with the next statement
        self._opening = BEGIN
        self._limits = ""  # SQL with which each transaction sets its limits behind a pooler
        self._keeps_limits = True

    @property
    def connection(self) -> "Connection":
        return self

    @property
    def is_idle(self) -> bool:
        """Return whether no transaction is open, as far as libpq knows."""
        return self.get_transaction_status() == extensions.TRANSACTION_STATUS_IDLE

    def ahead_of(self, statement: str) -> str:
        """Return the SQL that must be sent before this statement, and clear `ahead`."""
        if self.begins_with(statement):
            self.ahead = self._opening + self._limits + self.ahead
        ahead, self.ahead = self.ahead, ""
        return ahead

    def read(self) -> None:
        # With an isolation level above read committed, statements must see the same
        # rows, and they do so only within one transaction.
        if self._opening == BEGIN and self._keeps_limits:
            super().read()

    @property
    def is_pooled(self) -> bool:
        return bool(self._limits)

    def share(self, settings: Mapping[str, str]) -> None:
        """Let each transaction set these limits, because a pooler shares the
        connection.

        If the limits are the defaults of our role (`app.db.role_limits`), queries can
        still run without a transaction.
        """
        with self.cursor() as cursor:
            cursor.execute(f"SELECT {', '.join(map(_matches, settings.items()))}")
            self._keeps_limits = all(cursor.fetchone() or (False,))
        self._limits = "".join(f"SET LOCAL {name}='{value}';" for name, value in settings.items())

    def is_shared(self) -> bool:
        """Return whether a pooler is between us and the server.

        A pooler gives its clients an invented process id, which differs from the real
        one.
        """
        with self.cursor() as cursor:
            cursor.execute("SELECT pg_backend_pid()")
            (actual,) = cursor.fetchone() or (None,)
        return bool(actual != self.get_backend_pid())

    def set_isolation_level(self, level: int | None) -> None:
        self.rollback()  # reading the old isolation level has begun a transaction
        self.automatic = level == extensions.ISOLATION_LEVEL_AUTOCOMMIT
        self._opening = BEGINS.get(level or 0, BEGIN)

    def cursor(self, name: Any = None, *args: Any, **options: Any) -> Any:
        """Return a cursor.

        For a named cursor, a transaction is begun in a way that psycopg2 knows of. The
        server keeps such a cursor only during a transaction.
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
        if statement == "ROLLBACK" or self.is_idle:
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
            cursor.ping()
        return True

    def cut(self) -> None:
        """Wake libpq, which waits for data on this socket.

        libpq then behaves as if the server had closed the connection.
        """
        with socket.socket(fileno=os.dup(self.fileno())) as own:
            own.shutdown(socket.SHUT_RDWR)


def _matches(setting: tuple[str, str]) -> str:
    """Return an SQL expression that is true if the server has this value."""
    name, value = setting
    if name == "timezone":
        return f"current_setting('{name}') = '{value}'"
    return f"current_setting('{name}')::interval = '{value}'::interval"


def connect(
    *args: Any,
    limit: float,
    silence: Silence,
    settings: Mapping[str, str],
    pooler: str,
    **options: Any,
) -> Connection:
    """Connect to PostgreSQL, with these settings of the server.

    `pooler` is the setting DATABASE_POOLER. If the setting is empty, this function
    finds out whether there is a pooler. The watchdog cannot end an attempt to connect,
    so libpq's `connect_timeout` limits it.
    """
    shared = {**options, "connection_factory": Connection}
    own = shared | {"options": " ".join(f"-c {name}={value}" for name, value in settings.items())}
    try:
        connection: Connection = psycopg2.connect(
            *args, **(shared if pooler == TRANSACTION else own)
        )
    except psycopg2.OperationalError as error:
        if pooler or UNSUPPORTED not in str(error):
            raise
        pooler = TRANSACTION
        connection = psycopg2.connect(*args, **shared)
    connection.limit, connection.silence = limit, silence
    if pooler == TRANSACTION or (not pooler and connection.is_shared()):
        connection.share(settings)
    return connection
