"""Dumping PostgreSQL with pg_dump, and restoring it with pg_restore and psql.

The rows are counted in the snapshot that pg_dump reads. So the numbers of rows are
exact, even if other processes write during the dump.
"""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC

from psycopg2.errors import InsufficientPrivilege
from psycopg2.extensions import make_dsn
from sqlalchemy import URL, Connection, Engine, create_engine, text
from sqlalchemy.exc import ProgrammingError

from . import BackupFailed, NoScratch, postgresql_script
from .manifest import Manifest
from .programs import Feeder, find_program, major_version, running

PACKAGE = "postgresql-client"
# The role's limits, which `database-limits` sets, are meant for requests, not for
# dumps.
PATIENT = {"options": "-c statement_timeout=0 -c idle_in_transaction_session_timeout=0"}
PLAIN = ["--no-owner", "--no-privileges", "--no-comments"]
SUFFIX = "_backup_check_"
MAX_NAME = 63 - len(SUFFIX) - 8


@dataclass(frozen=True)
class Snapshot:
    """A snapshot of the database, and the manifest that describes it."""

    manifest: Manifest
    name: str


class Postgresql:
    """Dumps and restores one database."""

    kind = "postgresql"

    def __init__(self, url: URL) -> None:
        self.url = url.set(drivername="postgresql+psycopg2")

    @contextmanager
    def snapshot(self) -> Iterator[Snapshot]:
        """Hold a snapshot of the database, and count its rows."""
        engine = create_engine(self.url, connect_args=PATIENT, isolation_level="REPEATABLE READ")
        try:
            with engine.connect() as connection:
                name = str(connection.scalar(text("SELECT pg_export_snapshot()")))
                yield Snapshot(_manifest(connection), name)
        finally:
            engine.dispose()

    def dump(self, snapshot: Snapshot) -> Iterator[bytes]:
        """Yield the dump of a snapshot, compressed by pg_dump."""
        program = self._program("pg_dump")
        command = [
            program,
            f"--dbname={self._dsn()}",
            "--format=custom",
            "--no-password",  # otherwise the program would wait for a typed password
            f"--schema={snapshot.manifest.schema}",
            f"--snapshot={snapshot.name}",
            *PLAIN,
        ]
        with running(command, self._env()) as dumping:
            yield from dumping.read()
            dumping.finish()

    def replace(self, manifest: Manifest, dump: Iterator[bytes]) -> None:
        """Replace the content of the database in one transaction."""
        self._load(self.url, manifest, dump, into_empty=False)

    @contextmanager
    def trial(self, manifest: Manifest, dump: Iterator[bytes]) -> Iterator[Engine]:
        """Restore a dump into a scratch database, which is dropped afterwards.

        Raises `NoScratch` if the role may not create databases.
        """
        name = f"{(self.url.database or '')[:MAX_NAME]}{SUFFIX}{secrets.token_hex(4)}"
        here = create_engine(self.url, connect_args=PATIENT, isolation_level="AUTOCOMMIT")
        try:
            with here.connect() as connection:
                _create(connection, name)
            try:
                there = self.url.set(database=name)
                self._load(there, manifest, dump, into_empty=True)
                path = f"{PATIENT['options']} -c search_path={manifest.schema}"
                engine = create_engine(there, connect_args={"options": path})
                yield engine
                engine.dispose()
            finally:
                with here.connect() as connection:
                    connection.execute(text(f'DROP DATABASE "{name}" WITH (FORCE)'))
        finally:
            here.dispose()

    def read(self, dump: Iterator[bytes]) -> None:
        """Let pg_restore read the whole dump. No database is involved."""
        command = [self._program("pg_restore"), "--file=-"]
        with running(command, self._env(), reads=True) as reading:
            feeder = Feeder(reading, dump)
            for _ in reading.read():
                pass
            feeder.finish()
            reading.finish()

    def leftovers(self) -> list[str]:
        """Return scratch databases that an interrupted check has left."""
        begin = f"{(self.url.database or '')[:MAX_NAME]}{SUFFIX}"
        engine = create_engine(self.url, connect_args=PATIENT)
        with engine.connect() as connection:
            names = connection.scalars(
                text("SELECT datname FROM pg_database WHERE starts_with(datname, :begin)"),
                {"begin": begin},
            ).all()
        engine.dispose()
        return [str(name) for name in names]

    def _load(
        self, url: URL, manifest: Manifest, dump: Iterator[bytes], *, into_empty: bool
    ) -> None:
        """Run the dump as one transaction, which its very last statement commits."""
        script = [
            self._program("pg_restore"),
            "--file=-",
            f"--schema={manifest.schema}",
            *PLAIN,
        ]
        shell = [
            find_program(["psql"], PACKAGE),
            *(
                "--no-psqlrc",
                "--no-password",
                "--quiet",
                "--set=ON_ERROR_STOP=1",
                f"--dbname={self._dsn(url)}",
            ),
        ]
        silent = [*shell, "--output=/dev/null"]
        with (
            running(script, self._env(), reads=True) as reading,
            running(silent, self._env(), reads=True) as psql,
        ):
            feeder = Feeder(reading, dump)
            try:
                psql.input.write(postgresql_script.before(manifest, into_empty=into_empty).encode())
                for block in reading.read():
                    psql.input.write(block)
                # The COMMIT is sent only after the whole dump was read and pg_restore
                # has succeeded.
                feeder.finish()
                reading.finish()
                psql.input.write(postgresql_script.after(manifest).encode())
            except BrokenPipeError:
                pass  # psql has ended, and `finish` raises its error
            psql.finish()

    def _program(self, name: str) -> str:
        """Return the path of a program that supports this server's version."""
        program, engine = find_program([name], PACKAGE), create_engine(self.url)
        with engine.connect() as connection:
            server = int(connection.scalar(text("SHOW server_version_num")) or 0) // 10_000
        engine.dispose()
        if (version := major_version(program)) < server:
            raise BackupFailed(
                f"{program} has version {version}, but the server has version {server}. Install "
                f"the package {PACKAGE}-{server}."
            )
        return program

    def _dsn(self, url: URL | None = None) -> str:
        """Return the database's address for the command line, without the password."""
        url = url or self.url
        options = {name: str(value) for name, value in url.query.items()}
        facts = {"host": url.host, "port": url.port, "user": url.username, "dbname": url.database}
        given = {name: str(value) for name, value in facts.items() if value}
        return str(make_dsn(**options | given))

    def _env(self) -> dict[str, str]:
        password = {"PGPASSWORD": str(self.url.password)} if self.url.password else {}
        return {**os.environ, "PGOPTIONS": PATIENT["options"], **password}


def _create(connection: Connection, name: str) -> None:
    found = connection.execute(
        text(
            "SELECT pg_encoding_to_char(encoding) AS encoding, datcollate, datctype "
            "FROM pg_database WHERE datname = current_database()"
        )
    ).one()
    try:
        connection.execute(
            text(
                f"CREATE DATABASE \"{name}\" TEMPLATE template0 ENCODING '{found.encoding}' "
                f"LC_COLLATE '{found.datcollate}' LC_CTYPE '{found.datctype}'"
            )
        )
    except ProgrammingError as error:
        if isinstance(error.orig, InsufficientPrivilege):
            raise NoScratch("The role may not create databases") from error
        raise


def _manifest(connection: Connection) -> Manifest:
    facts = connection.execute(
        text(
            "SELECT current_schema() AS schema, statement_timestamp() AS at, "
            "'PostgreSQL ' || current_setting('server_version') AS server"
        )
    ).one()
    if connection.scalar(text("SELECT to_regclass('alembic_version')")) is None:
        raise BackupFailed("This database was never migrated, so there is nothing to back up.")
    tables = connection.scalars(
        text(
            "SELECT relname FROM pg_class WHERE relnamespace = current_schema()::regnamespace "
            "AND relkind = 'r' ORDER BY relname"
        )
    ).all()
    extensions = connection.scalars(
        text("SELECT extname FROM pg_extension WHERE extnamespace = current_schema()::regnamespace")
    ).all()
    count = 'SELECT count(*) FROM "{}"'
    return Manifest(
        kind=Postgresql.kind,
        server=facts.server,
        revision=str(connection.scalar(text("SELECT version_num FROM alembic_version"))),
        made_at=facts.at.astimezone(UTC),
        rows={name: connection.scalar(text(count.format(name))) or 0 for name in tables},
        schema=facts.schema,
        extensions=[str(name) for name in extensions],
    )
