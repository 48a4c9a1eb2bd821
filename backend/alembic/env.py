"""How migrations run: one migrator at a time, with bounded locks, over the tables of every feature.

Online, and offline (`--sql`) for a database administrator who wants to read first. Commands are Alembic's own.
"""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from alembic import context
from alembic.operations.ops import DropTableOp, MigrationScript, ModifyTableOps
from alembic.util import CommandError
from sqlalchemy import Connection, text
from sqlalchemy.exc import OperationalError

from app.core.config import get_settings
from app.core.features import load_models
from app.core.logging import configure_logging
from app.db.database import Base
from app.db.engines import MYSQL_SESSION, Limits, make_engine
from app.db.migrations import compare_server_default, render_item
from app.db.urls import normalise

# MySQL's named locks belong to the whole server, where other databases are migrated, too. 64 characters at most.
LOCK = "CONCAT('liftoff migrations ', LEFT(DATABASE(), 40))"
LOCK_NUMBER = 4_202_611  # PostgreSQL names its advisory locks by number; any that nobody else uses
WAIT_SECONDS = 60  # for another migrator to finish
PAUSE = 0.2  # seconds until the lock is asked for again
STILL_AT_WORK = "Another migrator is still at work. Try again when it has finished."
LOCK_SECONDS = 5  # for a table: rather fail than queue every request behind us
LOCK_TIMEOUT = {
    "postgresql": f"SET lock_timeout = '{LOCK_SECONDS}s'",
    "mysql": f"SET lock_wait_timeout = {LOCK_SECONDS}",
}
COLLATION = "utf8mb4_bin"
# Tables take over the database's character set: all of Unicode, and `é` is not `e`, as on the other two. Without a name
# it is the database that one is connected to: which one that is, the SQL of --sql cannot know.
USE_UTF8MB4 = f"ALTER DATABASE CHARACTER SET utf8mb4 COLLATE {COLLATION}"


def drop_whole_tables(_context: object, _revision: object, directives: list[MigrationScript]) -> None:
    """A table that is dropped takes its indexes along; MySQL refuses to drop one that a foreign key needs."""
    for script in directives:
        for operations in (script.upgrade_ops, script.downgrade_ops):
            dropped = {op.table_name for op in operations.ops if isinstance(op, DropTableOp)}
            operations.ops = [
                op for op in operations.ops if not (isinstance(op, ModifyTableOps) and op.table_name in dropped)
            ]


def refuse_several_heads() -> None:
    heads = context.script.get_heads()
    if len(heads) > 1:
        raise CommandError(
            f"The migrations have {len(heads)} heads: {', '.join(heads)}. Two branches each added one; "
            'join them with `alembic merge heads -m "join"`, then migrate again.'
        )


@contextmanager
def _or_busy() -> Iterator[None]:
    """Around the wait for the lock of a SQLite file: when it runs out, say in one line what that means."""
    try:
        yield
    except OperationalError as error:
        raise CommandError(STILL_AT_WORK) from error


@contextmanager
def alone(connection: Connection) -> Iterator[None]:
    """One migrator at a time: the others wait, then find nothing left to do."""
    match connection.dialect.name:
        case "postgresql":
            wait_for_lock(connection)
            connection.execute(text(LOCK_TIMEOUT["postgresql"]))
            connection.commit()
            yield
            connection.execute(text("SELECT pg_advisory_unlock(:number)"), {"number": LOCK_NUMBER})
        case "mysql":
            if not connection.scalar(text(f"SELECT GET_LOCK({LOCK}, :wait)"), {"wait": WAIT_SECONDS}):
                raise CommandError(STILL_AT_WORK)
            connection.execute(text(LOCK_TIMEOUT["mysql"]))
            refuse_other_collations(connection)
            connection.execute(text(USE_UTF8MB4))
            connection.commit()
            yield
            connection.execute(text(f"SELECT RELEASE_LOCK({LOCK})"))
        case _:
            # Alembic rebuilds a table to change it: with foreign keys on, dropping the old one would empty others.
            # Below SQLAlchemy, which would begin a transaction: too late for these.
            file = connection.connection.cursor()
            file.execute("PRAGMA foreign_keys=OFF")
            file.execute(f"PRAGMA busy_timeout={WAIT_SECONDS * 1000}")
            with _or_busy():
                transaction = connection.begin()  # takes the write lock
            with transaction:
                yield
                if broken := connection.exec_driver_sql("PRAGMA foreign_key_check").all():
                    raise CommandError(f"The migration would break foreign keys: {broken[:5]}")


def wait_for_lock(connection: Connection) -> None:
    """Ask again and again, each time in a transaction of its own.

    A transaction that waited for the lock would deadlock with the migrator that holds it: `CREATE INDEX CONCURRENTLY`
    waits for every transaction that is open.
    """
    deadline = time.monotonic() + WAIT_SECONDS
    while not connection.scalar(text("SELECT pg_try_advisory_lock(:number)"), {"number": LOCK_NUMBER}):
        connection.commit()
        if time.monotonic() > deadline:
            raise CommandError(STILL_AT_WORK)
        time.sleep(PAUSE)


def refuse_other_collations(connection: Connection) -> None:
    """A table keeps the collation that it was made with, and Alembic compares none."""
    made = text("SELECT table_name, table_collation FROM information_schema.tables WHERE table_schema = DATABASE()")
    meant = {table.name: table.kwargs.get("mysql_collate", COLLATION) for table in Base.metadata.tables.values()}
    if other := sorted(name for name, collation in connection.execute(made) if meant.get(name, collation) != collation):
        raise CommandError(
            f"Another collation than {COLLATION}, by which `e` may be `é`, have the tables {', '.join(other)}. Make a "
            f"backup, then convert each: ALTER TABLE … CONVERT TO CHARACTER SET utf8mb4 COLLATE {COLLATION};"
        )


def prepare_offline(dialect: str) -> None:
    """At the head of the SQL, what a connection of ours would have."""
    if dialect == "mysql":
        context.execute("SET NAMES utf8mb4")  # the client's own would read our bytes as another alphabet
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
        "render_item": render_item,
        "process_revision_directives": drop_whole_tables,
    }
    if context.is_offline_mode():
        url = normalise(settings.database_url.get_secret_value())
        context.configure(url=url, literal_binds=True, dialect_opts={"paramstyle": "named"}, **options)
        with context.begin_transaction():
            prepare_offline(url.get_backend_name())
            context.run_migrations()
        return
    engine = make_engine(settings, pool_size=1, max_overflow=0, name="liftoff migrations", limits=Limits(0))
    with engine.connect() as connection, alone(connection):
        sqlite = connection.dialect.name == "sqlite"
        context.configure(connection=connection, render_as_batch=sqlite, **options)
        with context.begin_transaction():
            context.run_migrations()
    engine.dispose()


run()
