"""The full-text index of a table, in the SQL of each database."""

from typing import Any

from sqlalchemy import Connection, Table, event, text

from .column import search_column

PREFIX = "fulltext_"
"""The beginning of the name of every full-text index.

On SQLite, the index is a table of FTS5 with this name. SQLite keeps the index in
further tables, whose names begin with the name of that table.
"""


def index_name(table: str) -> str:
    return f"{PREFIX}{table}"


def creating(dialect: str, table: str, column: str, *, concurrently: bool = False) -> list[str]:
    """Return the statements that create the full-text index of a table."""
    name = index_name(table)
    if dialect == "postgresql":
        how = "CONCURRENTLY IF NOT EXISTS " if concurrently else ""
        return [f"CREATE INDEX {how}{name} ON {table} USING gin ({column})"]
    if dialect in ("mysql", "mariadb"):
        return [f"CREATE FULLTEXT INDEX {name} ON {table} ({column})"]
    options = f"{column}, content='{table}', content_rowid='id', tokenize='ascii', columnsize=0"
    rows = f"SELECT id, {column} FROM {table} WHERE {column} IS NOT NULL"  # noqa: S608 - names of a model
    return [
        f"CREATE VIRTUAL TABLE {name} USING fts5 ({options})",
        f"INSERT INTO {name} (rowid, {column}) {rows}",
        *_triggers(name, table, column),
    ]


def dropping(dialect: str, table: str, *, concurrently: bool = False) -> list[str]:
    """Return the statements that drop the full-text index of a table."""
    name = index_name(table)
    if dialect == "postgresql":
        return [f"DROP INDEX {'CONCURRENTLY ' if concurrently else ''}IF EXISTS {name}"]
    if dialect in ("mysql", "mariadb"):
        return [f"DROP INDEX {name} ON {table}"]
    triggers = [f"DROP TRIGGER IF EXISTS {name}_{when}" for when in ("insert", "update", "delete")]
    return [*triggers, f"DROP TABLE IF EXISTS {name}"]


def _triggers(name: str, table: str, column: str) -> list[str]:
    """Return the triggers that update the table of FTS5 after every change of a row.

    FTS5 does not store the tokens, so a trigger must pass the old tokens when it
    removes a row. A row without tokens is not in the index.
    """
    add = (
        f"INSERT INTO {name} (rowid, {column}) SELECT new.id, new.{column} "
        f"WHERE new.{column} IS NOT NULL; "
    )
    remove = (
        f"INSERT INTO {name} ({name}, rowid, {column}) SELECT 'delete', old.id, old.{column} "
        f"WHERE old.{column} IS NOT NULL; "
    )
    events = {
        "insert": ("INSERT", add),
        "update": (f"UPDATE OF id, {column}", remove + add),
        "delete": ("DELETE", remove),
    }
    return [
        f"CREATE TRIGGER {name}_{kind} AFTER {change} ON {table} BEGIN {steps}END"
        for kind, (change, steps) in events.items()
    ]


@event.listens_for(Table, "after_create")
def _create(table: Table, connection: Connection, **_options: Any) -> None:
    """Create the index, when a test creates the table from its model."""
    column = search_column(table)
    if column is not None:
        _execute(connection, creating(connection.dialect.name, table.name, column.name))


@event.listens_for(Table, "after_drop")
def _drop(table: Table, connection: Connection, **_options: Any) -> None:
    """Drop the table of FTS5. Other indexes are dropped with their table."""
    if search_column(table) is not None and connection.dialect.name == "sqlite":
        _execute(connection, dropping("sqlite", table.name))


def _execute(connection: Connection, statements: list[str]) -> None:
    for statement in statements:
        connection.execute(text(statement))
