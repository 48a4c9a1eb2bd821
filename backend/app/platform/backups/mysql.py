"""Dumping MySQL and MariaDB with their client programs, and restoring them.

These servers cannot replace tables in a transaction. So a dump is restored into a
scratch database, and one `RENAME TABLE` then swaps all tables. If anything fails before
the swap, the scratch database is dropped, and the real database has not changed.

The rows are counted shortly before the dump, in a different snapshot. So the numbers of
rows are only for information.
"""

import os
import secrets
import subprocess
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC

from sqlalchemy import URL, Connection, Engine, create_engine, text
from sqlalchemy.exc import OperationalError

from . import BackupFailed, NoScratch
from .manifest import Manifest
from .programs import find_program, running

PACKAGE = "mariadb-client or mysql-client"
DUMPERS, SHELLS = ("mariadb-dump", "mysqldump"), ("mariadb", "mysql")
GZIP = 31  # zlib's number for the format of gzip files
SUFFIX = "_backup_check_"
MAX_NAME = 64 - len(SUFFIX) - 8
TRIES, PAUSE = 10, 0.2
LOCK_SECONDS = 3
LOADING_SECONDS = 86_400
ACCESS_DENIED = 1044
DUMP_OPTIONS = (
    *("--single-transaction", "--quick", "--hex-blob", "--no-tablespaces"),
    "--default-character-set=utf8mb4",
)
TLS = {"ssl_ca": "--ssl-ca", "ssl_cert": "--ssl-cert", "ssl_key": "--ssl-key"}
TABLES = (
    "SELECT table_name FROM information_schema.tables WHERE table_schema = :name "
    "AND table_type = 'BASE TABLE' ORDER BY table_name"
)
OTHERS = (
    "SELECT id FROM information_schema.processlist WHERE db = :name "
    "AND user = SUBSTRING_INDEX(USER(), '@', 1) AND id <> CONNECTION_ID()"
)
COUNT = "SELECT count(*) FROM `{}`"


@dataclass(frozen=True)
class Snapshot:
    """The manifest of the database, made shortly before its dump."""

    manifest: Manifest


class Mysql:
    """Dumps and restores one database."""

    kind = "mysql"

    def __init__(self, url: URL) -> None:
        self.url = url
        self._name = str(url.database)

    @contextmanager
    def snapshot(self) -> Iterator[Snapshot]:
        engine = create_engine(self.url)
        try:
            with engine.connect() as connection:
                manifest = _manifest(connection, self._name)
        finally:
            engine.dispose()
        yield Snapshot(manifest)

    def dump(self, _snapshot: Snapshot) -> Iterator[bytes]:
        """Yield the compressed dump. The dump program reads one snapshot."""
        program = find_program(DUMPERS, PACKAGE)
        command = [program, *self._address(), *DUMP_OPTIONS, *_own_options(program), self._name]
        packer = zlib.compressobj(wbits=GZIP)
        with running(command, self._env()) as dumping:
            for block in dumping.read():
                yield packer.compress(block)
            dumping.finish()
        yield packer.flush()

    def replace(self, manifest: Manifest, dump: Iterator[bytes]) -> None:
        """Restore into a scratch database, and swap all tables with one statement."""
        with self._scratch() as (connection, scratch), self._other(connection) as old:
            self._load(scratch, dump)
            _compare(connection, scratch, manifest)
            ours = self._name
            moves = [
                *(f"`{ours}`.`{t}` TO `{old}`.`{t}`" for t in _tables(connection, ours)),
                *(f"`{scratch}`.`{t}` TO `{ours}`.`{t}`" for t in manifest.rows),
            ]
            _swap(connection, ours, f"RENAME TABLE {', '.join(moves)}")

    @contextmanager
    def trial(self, manifest: Manifest, dump: Iterator[bytes]) -> Iterator[Engine]:
        """Restore a dump into a scratch database, which is dropped afterwards.

        Raises `NoScratch` if the user may not create databases.
        """
        with self._scratch() as (connection, scratch):
            self._load(scratch, dump)
            _compare(connection, scratch, manifest)
            engine = create_engine(self.url.set(database=scratch))
            try:
                yield engine
            finally:
                engine.dispose()

    def read(self, dump: Iterator[bytes]) -> None:
        for _ in _unpacked(dump):
            pass

    def leftovers(self) -> list[str]:
        """Return scratch databases that an interrupted command has left."""
        begin = f"{self._name[:MAX_NAME]}{SUFFIX}"
        engine = create_engine(self.url)
        with engine.connect() as connection:
            names = connection.scalars(text("SHOW DATABASES")).all()
        engine.dispose()
        return [str(name) for name in names if str(name).startswith(begin)]

    @contextmanager
    def _scratch(self) -> Iterator[tuple[Connection, str]]:
        engine = create_engine(self.url, isolation_level="AUTOCOMMIT")
        try:
            with engine.connect() as connection, self._other(connection) as name:
                # While a large dump is restored, servers could close this idle
                # connection.
                connection.execute(text(f"SET wait_timeout = {LOADING_SECONDS}"))
                yield connection, name
        finally:
            engine.dispose()

    @contextmanager
    def _other(self, connection: Connection) -> Iterator[str]:
        """Create a database, which is dropped with its content when the block ends."""
        name = f"{self._name[:MAX_NAME]}{SUFFIX}{secrets.token_hex(4)}"
        try:
            connection.execute(text(f"CREATE DATABASE `{name}` CHARACTER SET utf8mb4"))
        except OperationalError as error:
            if error.orig and error.orig.args[0] == ACCESS_DENIED:
                raise NoScratch("The user may not create databases") from error
            raise
        try:
            yield name
        finally:
            connection.execute(text(f"DROP DATABASE `{name}`"))

    def _load(self, name: str, dump: Iterator[bytes]) -> None:
        command = [find_program(SHELLS, PACKAGE), *self._address(), f"--database={name}"]
        with running(command, self._env(), reads=True) as shell:
            try:
                for block in _unpacked(dump):
                    shell.input.write(block)
            except BrokenPipeError:
                pass  # the program has ended, and `finish` raises its error
            shell.finish()

    def _address(self) -> list[str]:
        """Return the options that contain the address, without the password."""
        url, query = self.url, {name: str(value) for name, value in self.url.query.items()}
        socket = query.get("unix_socket")
        place = [f"--socket={socket}"] if socket else ["--protocol=tcp", f"--host={url.host}"]
        port = [f"--port={url.port}"] if url.port and not socket else []
        tls = [f"{option}={query[name]}" for name, option in TLS.items() if name in query]
        # `--no-defaults` must be the first option. Otherwise option files on this host
        # could add options.
        return ["--no-defaults", *place, *port, f"--user={url.username}", *tls]

    def _env(self) -> dict[str, str]:
        password = {"MYSQL_PWD": str(self.url.password)} if self.url.password else {}
        return {**os.environ, **password}


def _own_options(program: str) -> list[str]:
    """Return the options that only MySQL's own program knows."""
    said = subprocess.run([program, "--version"], capture_output=True, text=True, check=False)
    return [] if "MariaDB" in said.stdout else ["--set-gtid-purged=OFF"]


def _unpacked(dump: Iterator[bytes]) -> Iterator[bytes]:
    unpacker = zlib.decompressobj(wbits=GZIP)
    try:
        for chunk in dump:
            yield unpacker.decompress(chunk)
        yield unpacker.flush()
    except zlib.error as error:
        raise BackupFailed(f"The dump cannot be decompressed: {error}.") from error
    if not unpacker.eof:
        raise BackupFailed("The dump is incomplete.")


def _tables(connection: Connection, name: str) -> list[str]:
    return [str(table) for table in connection.scalars(text(TABLES), {"name": name})]


def _compare(connection: Connection, name: str, manifest: Manifest) -> None:
    """Raise `BackupFailed` unless a restored database has all its tables."""
    if missing := sorted(set(manifest.rows) ^ set(_tables(connection, name))):
        raise BackupFailed(f"The restored copy has other tables: {', '.join(missing)}.")


def _swap(connection: Connection, name: str, statement: str) -> None:
    """End other connections of our user, and swap the tables.

    Other clients may reconnect immediately, so this is tried several times.
    """
    connection.execute(text(f"SET lock_wait_timeout = {LOCK_SECONDS}"))
    for attempt in range(1, TRIES + 1):
        for other in connection.scalars(text(OTHERS), {"name": name}).all():
            try:
                connection.execute(text(f"KILL {int(other)}"))
            except OperationalError:
                continue  # the connection has already ended
        try:
            connection.execute(text(statement))
        except OperationalError:
            if attempt == TRIES:
                raise
            time.sleep(PAUSE)
        else:
            return


def _manifest(connection: Connection, name: str) -> Manifest:
    tables = _tables(connection, name)
    if "alembic_version" not in tables:
        raise BackupFailed("This database was never migrated, so there is nothing to back up.")
    facts = connection.execute(text("SELECT version() AS version, UTC_TIMESTAMP(6) AS at")).one()
    kind = "" if "MariaDB" in facts.version else "MySQL "
    return Manifest(
        kind=Mysql.kind,
        server=f"{kind}{facts.version}",
        revision=str(connection.scalar(text("SELECT version_num FROM alembic_version"))),
        made_at=facts.at.replace(tzinfo=UTC),
        rows={table: connection.scalar(text(COUNT.format(table))) or 0 for table in tables},
    )
