"""How migrations run: one migrator at a time, with bounded locks, over the tables of every feature.

Online, and offline (`--sql`) for a database administrator who wants to read first. Commands are Alembic's own.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from alembic import context
from alembic.operations.ops import DropTableOp, MigrationScript, ModifyTableOps
from alembic.util import CommandError
from sqlalchemy import Connection, text

from app.core.config import get_settings
from app.core.features import load_models
from app.core.logging import configure_logging
from app.db.database import Base
from app.db.engines import make_engine
from app.db.migrations import compare_server_default, render_item
from app.db.urls import normalise

LOCK = "liftoff migrations"
LOCK_NUMBER = 4_202_611  # PostgreSQL names its advisory locks by number; any that nobody else uses
WAIT_SECONDS = 60  # for another migrator to finish
LOCK_SECONDS = 5  # for a table: rather fail than queue every request behind us
LOCK_TIMEOUT = f"SET lock_timeout = '{LOCK_SECONDS}s'"


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
def alone(connection: Connection) -> Iterator[None]:
    """One migrator at a time: the others wait, then find nothing left to do."""
    match connection.dialect.name:
        case "postgresql":
            connection.execute(text(f"SET lock_timeout = '{WAIT_SECONDS}s'"))
            connection.execute(text("SELECT pg_advisory_lock(:number)"), {"number": LOCK_NUMBER})
            connection.execute(text(LOCK_TIMEOUT))
            connection.commit()
            yield
            connection.execute(text("SELECT pg_advisory_unlock(:number)"), {"number": LOCK_NUMBER})
        case "mysql":
            if not connection.scalar(text("SELECT GET_LOCK(:name, :wait)"), {"name": LOCK, "wait": WAIT_SECONDS}):
                raise CommandError("Another migrator is still at work. Try again when it has finished.")
            connection.execute(text(f"SET lock_wait_timeout = {LOCK_SECONDS}"))
            use_utf8mb4(connection)
            connection.commit()
            yield
            connection.execute(text("SELECT RELEASE_LOCK(:name)"), {"name": LOCK})
        case _:
            # Alembic rebuilds a table to change it: with foreign keys on, dropping the old one would empty others.
            file = (
                connection.connection.cursor()
            )  # below SQLAlchemy, which would begin a transaction: too late for these
            file.execute("PRAGMA foreign_keys=OFF")
            file.execute(f"PRAGMA busy_timeout={WAIT_SECONDS * 1000}")
            with connection.begin():  # takes the write lock
                yield
                if broken := connection.exec_driver_sql("PRAGMA foreign_key_check").all():
                    raise CommandError(f"The migration would break foreign keys: {broken[:5]}")


def use_utf8mb4(connection: Connection) -> None:
    """Tables take over the database's character set: all of Unicode, and `é` is not `e`, as on the other two."""
    name = connection.scalar(text("SELECT DATABASE()"))
    quoted = connection.dialect.identifier_preparer.quote_identifier(str(name))
    connection.execute(text(f"ALTER DATABASE {quoted} CHARACTER SET utf8mb4 COLLATE utf8mb4_bin"))


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
            if url.get_backend_name() == "postgresql":
                context.execute(LOCK_TIMEOUT)
            context.run_migrations()
        return
    engine = make_engine(settings, pool_size=1, max_overflow=0, name="liftoff migrations", statement_seconds=0)
    with engine.connect() as connection, alone(connection):
        sqlite = connection.dialect.name == "sqlite"
        context.configure(connection=connection, render_as_batch=sqlite, **options)
        with context.begin_transaction():
            context.run_migrations()
    engine.dispose()


run()
