"""Run Alembic, and compare the rows of every table before and after."""

import os
import subprocess
import sys
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Engine, MetaData, Table, func, select, types

from app.core.config import BACKEND
from app.db.search.indexes import PREFIX


def alembic(url: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "alembic", *arguments],
        cwd=BACKEND,
        env={**os.environ, "DATABASE_URL": url, "LOG_LEVEL": "error"},
        capture_output=True,
        text=True,
        timeout=600,  # long enough for a busy machine
        check=False,
    )


def done(url: str, *arguments: str) -> str:
    result = alembic(url, *arguments)
    assert result.returncode == 0, f"{arguments}: {result.stdout}{result.stderr}"
    return result.stdout


def tables(engine: Engine) -> list[Table]:
    """Return all tables, except Alembic's table and the tables of full-text indexes on
    SQLite.
    """
    metadata = MetaData()
    metadata.reflect(engine, only=lambda name, _: not name.startswith(PREFIX))
    return [table for table in metadata.sorted_tables if table.name != "alembic_version"]


def value_of(column: Any) -> object:
    kind = column.type
    if column.primary_key or column.foreign_keys:
        return 1
    if isinstance(kind, types.Boolean) or (
        isinstance(kind, types.Integer) and column.name.startswith("is_")
    ):
        return False
    if isinstance(kind, types.Integer | types.Numeric):
        return 1
    if isinstance(kind, types.DateTime):
        return datetime.now(UTC)
    # This text is also valid JSON, because MariaDB stores JSON as text and checks the
    # text.
    return b"1" if kind.python_type is bytes else "1"


def fill(engine: Engine) -> None:
    """Add a row with the id 1 to every empty table. The row's foreign keys refer to the
    rows with the id 1 of other tables.
    """
    for table in tables(engine):
        with engine.begin() as connection:
            if connection.scalar(select(func.count()).select_from(table)) == 0:
                connection.execute(
                    table.insert().values({c.name: value_of(c) for c in table.columns})
                )


def counts(engine: Engine) -> dict[str, int]:
    with engine.connect() as connection:
        return {
            t.name: connection.scalar(select(func.count()).select_from(t)) or 0
            for t in tables(engine)
        }
