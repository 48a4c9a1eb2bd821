"""Explains why a NOT NULL column cannot be added to a table with rows.

The explanation replaces a bare database error. It describes the problem and three
solutions.
"""

import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from alembic.operations import ops
from sqlalchemy import Column, Connection, column, exists, select, table
from sqlalchemy.exc import DBAPIError

from .refusal import Refused

EXPLANATION = """\
{place} may not be NULL, and {rows} no value for it. There are three solutions:

  1. Give those rows a value in the model, mapped_column(..., server_default="..."), and write
     the revision again.
  2. Allow NULL in the model, Mapped[... | None], and write the revision again.
  3. Compute a value for each row. In the revision, add the column with nullable=True, fill it
     with op.execute("UPDATE {table} SET {column} = ..."), and then set nullable=False with
     batch_op.alter_column.

backend/docs/handbook.md shows each of them under "Renames and data migrations"."""
PATTERNS = (
    re.compile(
        r"NOT NULL constraint failed: (?:_alembic_tmp_)?(?P<table>\w+)\.(?P<column>\w+)"
    ),  # SQLite
    re.compile(
        r'null value in column "(?P<column>\w+)" of relation "(?P<table>\w+)"'
    ),  # PostgreSQL, an INSERT
    re.compile(
        r'column "(?P<column>\w+)" of relation "(?P<table>\w+)" contains null values'
    ),  # PostgreSQL
)
NOT_NULL_OF_MYSQL = {1138, 1265}  # Invalid use of NULL value; Data truncated for column
OF_MYSQL = re.compile(r"\s*ALTER TABLE `?(?P<table>\w+)`? MODIFY `?(?P<column>\w+)`? ")


class NoValue(Refused):
    """A column must not be NULL, but rows have no value for it."""

    def __init__(self, table_name: str, column_name: str, rows: str = "existing rows have") -> None:
        place = f"{table_name}.{column_name}"
        advice = EXPLANATION.format(place=place, table=table_name, column=column_name, rows=rows)
        super().__init__(
            f"{place} may not be NULL, and rows have no value for it. See above.", advice
        )


def has_no_value(new: Column[Any]) -> bool:
    """Return whether existing rows would have no value for a new column."""
    filled = new.server_default is not None or new.computed is not None or new.identity is not None
    return not (new.nullable or filled or new.primary_key)


def refuse_if_filled(connection: Connection, table_name: str, column_name: str) -> None:
    """Raise `NoValue` if the table has a row."""
    if connection.scalar(select(exists().select_from(table(table_name)))):
        raise NoValue(table_name, column_name)


@contextmanager
def explained() -> Iterator[None]:
    """Turn a database error about NULL during a revision into an explanation."""
    try:
        yield
    except DBAPIError as error:
        raise _explanation(error) or error from error


def _explanation(error: DBAPIError) -> NoValue | None:
    said = str(error.orig)
    number = getattr(error.orig, "args", (None,))[0]
    found = next(filter(None, (pattern.search(said) for pattern in PATTERNS)), None)
    statement = error.statement or ""
    if found is None and number in NOT_NULL_OF_MYSQL and "NOT NULL" in statement:
        found = OF_MYSQL.match(statement)
    return NoValue(found["table"], found["column"]) if found else None


def check_new_columns(script: ops.MigrationScript, connection: Connection) -> None:
    """Raise `NoValue` for a new NOT NULL column if its table has rows in this database.

    If the table has no rows, a warning is printed.
    """
    assert script.upgrade_ops
    for change in script.upgrade_ops.ops:
        for one in change.ops if isinstance(change, ops.ModifyTableOps) else ():
            if isinstance(one, ops.AddColumnOp) and has_no_value(one.column):
                refuse_if_filled(connection, one.table_name, one.column.name)
                rows = "a database whose table has rows would have"
                note = NoValue(one.table_name, one.column.name, rows).advice
                sys.stderr.write(f"Note: {note}\n\n")
            elif isinstance(one, ops.AlterColumnOp) and one.modify_nullable is False:
                _refuse_nulls(connection, one.table_name, one.column_name)


def _refuse_nulls(connection: Connection, table_name: str, column_name: str) -> None:
    """Raise `NoValue` if a row has no value in this column."""
    empty = exists().select_from(table(table_name)).where(column(column_name).is_(None))
    if connection.scalar(select(empty)):
        raise NoValue(table_name, column_name)
