"""Migrates the tables of all features, one process at a time.

Migrations wait for locks only for a limited time. With `--sql`, they print their SQL
instead of executing it, so that a database administrator can read it first. All
commands are those of Alembic.
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

from app.core.config import Settings, get_settings, read_for_migrations

# If the application has been imported before, its settings have already been read.
if "app.db.database" not in sys.modules:
    read_for_migrations()

from app.core.features import load_models
from app.core.logging import configure_logging
from app.db.database import Base
from app.db.engines import MYSQL_SESSION, Limits, make_engine
from app.db.enums import AmbiguousEnum, refuse_ambiguous
from app.db.migrations import compare_server_default, render_item
from app.db.revisions import dialects, enums, renames, required, search
from app.db.revisions.refusal import Refused
from app.db.role_limits import is_pooled
from app.db.urls import normalise_database_url

# All databases of a MySQL server share the names of locks, and several databases may be
# migrated at the same time. A name may have at most 64 characters.
LOCK = "CONCAT('liftoff migrations ', LEFT(DATABASE(), 40))"
# The number of the advisory lock in PostgreSQL. Nothing else uses this number.
LOCK_NUMBER = 4_202_611
WAIT_SECONDS = 60  # how long to wait for another migration to finish
PAUSE = 0.2  # seconds between two tries to get the lock
POOLED = (
    "DATABASE_URL leads to a pooler, which lends a connection for one transaction. Migrations need "
    "a connection of their own. Set DATABASE_DIRECT_URL to the address of the database itself."
)
STILL_AT_WORK = "Another migration is still running. Try again when it has finished."
LOCK_SECONDS = 5  # how long to wait for a table lock; failing is better than blocking all requests
LOCK_TIMEOUT = {
    "postgresql": f"SET lock_timeout = '{LOCK_SECONDS}s'",
    "mysql": f"SET lock_wait_timeout = {LOCK_SECONDS}",
}
COLLATION = "utf8mb4_bin"
# New tables inherit the character set of the database. This character set has all of
# Unicode, and this collation distinguishes `é` from `e`, as PostgreSQL and SQLite do.
# The statement alters the current database, because with `--sql` the name is unknown.
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

    A revision is refused if it would lose data, or if existing rows would have no value
    for a new column. Everything else is rewritten so that it works on all databases.
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
    """If waiting for an SQLite file takes too long, raise an error with a one-line
    message.
    """
    try:
        yield
    except OperationalError as error:
        raise CommandError(STILL_AT_WORK) from error


@contextmanager
def alone(connection: Connection) -> Iterator[None]:
    """Ensure that only one process migrates at a time.

    Other processes wait, and then find that everything is already migrated.
    """
    match connection.dialect.name:
        case "postgresql":
            if is_pooled(connection):
                raise CommandError(POOLED)
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
            # To change a table, Alembic builds a new table and drops the old one. With
            # foreign keys enabled, this would delete rows of other tables. The PRAGMA
            # statements have no effect in a transaction, so they come before it.
            file: Any = connection.connection.driver_connection
            file.begun()
            file.execute("PRAGMA foreign_keys=OFF")
            file.execute(f"PRAGMA busy_timeout={WAIT_SECONDS * 1000}")
            file.enter()
            with _or_busy():
                transaction = connection.begin()  # this takes the write lock
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
        # Without this statement, the program that executes the SQL would decode it with
        # the program's own character set.
        context.execute("SET NAMES utf8mb4")
        context.execute(MYSQL_SESSION)
        context.execute(USE_UTF8MB4)
    if dialect in LOCK_TIMEOUT:
        context.execute(LOCK_TIMEOUT[dialect])


def past_pooler(settings: Settings) -> Settings:
    """Return the settings with the database's own address instead of the pooler's."""
    if settings.database_direct_url is None:
        return settings
    return settings.model_copy(
        update={"database_url": settings.database_direct_url, "database_pooler": ""}
    )


def run() -> None:
    settings = get_settings()
    configure_logging(settings, sys.stderr)  # with --sql, standard output has the SQL
    load_models()
    refuse_several_heads()
    options: dict[str, Any] = {
        "target_metadata": Base.metadata,
        "compare_server_default": compare_server_default,
        "compare_type": enums.compare_type,
        "include_name": search.is_compared,
        "render_item": render_item,
        # A revision must work on all three databases, and SQLite needs batch
        # operations.
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
        past_pooler(settings),
        pool_size=1,
        max_overflow=0,
        name="liftoff migrations",
        limits=Limits(0),
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
