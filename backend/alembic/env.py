"""Migrates the tables of all features, one process at a time.

Migrations run online, with a limit on the wait for locks. With `--sql`, they print
their SQL instead, so that a database administrator can read it first. All commands are
Alembic's own.
"""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from alembic import context
from alembic.operations.ops import DropTableOp, MigrationScript, ModifyTableOps
from alembic.runtime.migration import MigrationContext
from alembic.util import CommandError
from sqlalchemy import Connection, text
from sqlalchemy.exc import OperationalError

from app.core.config import get_settings, read_for_migrations

# If the application is already imported, it has read all its settings.
if "app.db.database" not in sys.modules:
    read_for_migrations()

from app.core.features import load_models
from app.core.logging import configure_logging
from app.db.database import Base
from app.db.engines import MYSQL_SESSION, Limits, make_engine
from app.db.enums import AmbiguousEnum, refuse_ambiguous
from app.db.migrations import compare_server_default, render_item
from app.db.revisions import dialects, enums, renames, required
from app.db.revisions.refusal import Refused
from app.db.urls import normalise_database_url

# All databases of a MySQL server share the names of locks, and several databases may be
# migrated at the same time. A name has at most 64 characters.
LOCK = "CONCAT('liftoff migrations ', LEFT(DATABASE(), 40))"
# The number of PostgreSQL's advisory lock, which nothing else uses.
LOCK_NUMBER = 4_202_611
WAIT_SECONDS = 60  # to wait for another migration to finish
PAUSE = 0.2  # seconds between two tries to get the lock
STILL_AT_WORK = "Another migration is still running. Try again when it has finished."
LOCK_SECONDS = 5  # to wait for a table lock; failing is better than blocking all requests
LOCK_TIMEOUT = {
    "postgresql": f"SET lock_timeout = '{LOCK_SECONDS}s'",
    "mysql": f"SET lock_wait_timeout = {LOCK_SECONDS}",
}
COLLATION = "utf8mb4_bin"
# New tables inherit the character set of the database: all of Unicode, with `é`
# different from `e`, as on the other databases. Without a name, the statement alters
# the current database. With `--sql`, the name is unknown.
USE_UTF8MB4 = f"ALTER DATABASE CHARACTER SET utf8mb4 COLLATE {COLLATION}"


def drop_whole_tables(
    _context: object, _revision: object, directives: list[MigrationScript]
) -> None:
    """Remove operations on the indexes of dropped tables.

    Dropping a table also drops its indexes. MySQL refuses to drop an index that a
    foreign key needs.
    """
    for script in directives:
        for operations in (script.upgrade_ops, script.downgrade_ops):
            dropped = {op.table_name for op in operations.ops if isinstance(op, DropTableOp)}
            operations.ops = [
                op
                for op in operations.ops
                if not (isinstance(op, ModifyTableOps) and op.table_name in dropped)
            ]


def check_revision(
    here: MigrationContext, revision: object, directives: list[MigrationScript]
) -> None:
    """Check a revision before it is written.

    A revision is refused if it would lose data, or if rows have no value for a new
    column. Other differences between databases are normalised.
    """
    drop_whole_tables(here, revision, directives)
    try:
        refuse_ambiguous(Base.metadata)
    except AmbiguousEnum as error:
        raise CommandError(str(error)) from error
    for script in directives:
        if context.get_x_argument(as_dictionary=True).get("drop") != "yes":
            renames.refuse_renames(here, script)
        if here.connection is not None:
            required.check_new_columns(script, here.connection)
        enums.prepare(script, Base.metadata)


def refuse_several_heads() -> None:
    heads = context.script.get_heads()
    if len(heads) > 1:
        raise CommandError(
            f"The migrations have {len(heads)} heads: {', '.join(heads)}. "
            "Two branches each added one. "
            'Merge them with `alembic merge heads -m "join"`, then migrate again.'
        )


@contextmanager
def _or_busy() -> Iterator[None]:
    """If waiting for an SQLite file takes too long, turn the error into one line."""
    try:
        yield
    except OperationalError as error:
        raise CommandError(STILL_AT_WORK) from error


@contextmanager
def alone(connection: Connection) -> Iterator[None]:
    """Ensure that only one process migrates at a time.

    Other processes wait, and then find nothing left to do.
    """
    match connection.dialect.name:
        case "postgresql":
            wait_for_lock(connection)
            connection.execute(text(LOCK_TIMEOUT["postgresql"]))
            connection.commit()
            yield
            connection.execute(text("SELECT pg_advisory_unlock(:number)"), {"number": LOCK_NUMBER})
        case "mysql":
            if not connection.scalar(
                text(f"SELECT GET_LOCK({LOCK}, :wait)"), {"wait": WAIT_SECONDS}
            ):
                raise CommandError(STILL_AT_WORK)
            connection.execute(text(LOCK_TIMEOUT["mysql"]))
            refuse_other_collations(connection)
            connection.execute(text(USE_UTF8MB4))
            connection.commit()
            yield
            connection.execute(text(f"SELECT RELEASE_LOCK({LOCK})"))
        case _:
            # Alembic changes a table by building a new one. With foreign keys enabled,
            # dropping the old table would delete rows of other tables. These statements
            # have no effect in a transaction.
            file: Any = connection.connection.driver_connection
            file.begun()
            file.execute("PRAGMA foreign_keys=OFF")
            file.execute(f"PRAGMA busy_timeout={WAIT_SECONDS * 1000}")
            file.enter()
            with _or_busy():
                transaction = connection.begin()  # takes the write lock
            with transaction:
                yield
                if broken := connection.exec_driver_sql("PRAGMA foreign_key_check").all():
                    raise CommandError(f"The migration would break foreign keys: {broken[:5]}")


def wait_for_lock(connection: Connection) -> None:
    """Try to get the lock repeatedly, each time in a new transaction.

    `CREATE INDEX CONCURRENTLY` waits for every open transaction. A transaction that
    waited for the lock would therefore deadlock with the process that holds it.
    """
    deadline = time.monotonic() + WAIT_SECONDS
    while not connection.scalar(
        text("SELECT pg_try_advisory_lock(:number)"), {"number": LOCK_NUMBER}
    ):
        connection.commit()
        if time.monotonic() > deadline:
            raise CommandError(STILL_AT_WORK)
        time.sleep(PAUSE)


def refuse_other_collations(connection: Connection) -> None:
    """Raise `CommandError` for tables with another collation.

    Changing the database does not change the collation of its tables, and Alembic does
    not compare collations.
    """
    made = text(
        "SELECT table_name, table_collation FROM information_schema.tables WHERE table_schema = "
        "DATABASE()"
    )
    meant = {
        table.name: table.kwargs.get("mysql_collate", COLLATION)
        for table in Base.metadata.tables.values()
    }
    if other := sorted(
        name
        for name, collation in connection.execute(made)
        if meant.get(name, collation) != collation
    ):
        raise CommandError(
            f"These tables have another collation than {COLLATION}, under which `e` may equal `é`: "
            f"{', '.join(other)}. Make a backup, then convert each: "
            f"ALTER TABLE … CONVERT TO CHARACTER SET utf8mb4 COLLATE {COLLATION};"
        )


def prepare_offline(dialect: str) -> None:
    """Begin the SQL with the session settings that our own connections use."""
    if dialect == "mysql":
        # Otherwise the client would decode the SQL with its own character set.
        context.execute("SET NAMES utf8mb4")
        context.execute(MYSQL_SESSION)
        context.execute(USE_UTF8MB4)
    if dialect in LOCK_TIMEOUT:
        context.execute(LOCK_TIMEOUT[dialect])


def run() -> None:
    settings = get_settings()
    configure_logging(settings, sys.stderr)  # standard output is for the SQL of --sql
    load_models()
    refuse_several_heads()
    options: dict[str, Any] = {
        "target_metadata": Base.metadata,
        "compare_server_default": compare_server_default,
        "compare_type": enums.compare_type,
        "render_item": render_item,
        # A revision must work on all three databases, and SQLite needs this.
        "render_as_batch": True,
        "process_revision_directives": check_revision,
    }
    assert dialects.IN_USE  # importing this module has registered its classes with Alembic
    enums.read_enums_back(Base.metadata)
    if context.is_offline_mode():
        url = normalise_database_url(settings.database_url.get_secret_value())
        context.configure(
            url=url, literal_binds=True, dialect_opts={"paramstyle": "named"}, **options
        )
        with context.begin_transaction():
            prepare_offline(url.get_backend_name())
            context.run_migrations()
        return
    engine = make_engine(
        settings, pool_size=1, max_overflow=0, name="liftoff migrations", limits=Limits(0)
    )
    with engine.connect() as connection, alone(connection):
        context.configure(connection=connection, **options)
        with context.begin_transaction(), required.explained():
            context.run_migrations()
    engine.dispose()


try:
    run()
except Refused as error:
    print(error.advice, file=sys.stderr)  # noqa: T201 - for the user
    raise
