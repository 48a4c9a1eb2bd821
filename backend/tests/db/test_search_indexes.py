"""Migrations create full-text indexes, and keep them when SQLite rebuilds a table."""

from typing import Any

import pytest
from alembic.migration import MigrationContext
from alembic.operations import Operations
from sqlalchemy import Column, Integer, String, inspect, text

from app.db.revisions import dialects, search
from app.db.search.indexes import index_name
from app.db.types import SearchTokens

INDEX = index_name("birds")


@pytest.fixture
def migration(scratch):
    """Alembic's operations on an empty database, and the connection.

    `Operations` gets its methods at run time, so a type checker does not know them.
    """
    assert dialects.IN_USE  # importing this module has registered its classes with Alembic
    with scratch.connect() as connection:
        context = MigrationContext.configure(connection)
        with Operations.context(context) as known:
            op: Any = known
            op.create_table(
                "birds",
                Column("id", Integer, primary_key=True),
                Column("name", String(20)),
                Column("search", SearchTokens()),
            )
            op.create_search_index("birds", "search")
            yield op, connection


def indexes(connection):
    """Return the tables with a full-text index, as autogenerate finds them."""
    return search.indexed_columns(inspect(connection))


def hits(connection):
    """Return the rows that the index of SQLite finds."""
    found = text(f"SELECT rowid FROM {INDEX} WHERE {INDEX} MATCH 'wwowl'")  # noqa: S608 - our own name
    return list(connection.scalars(found))


def test_an_index_is_found_and_dropped(migration):
    op, connection = migration
    assert indexes(connection) == {"birds": "search"}
    op.drop_search_index("birds", "search")
    assert indexes(connection) == {}
    op.create_search_index("birds", "search")
    op.drop_table("birds")
    assert indexes(connection) == {}
    assert [name for name in inspect(connection).get_table_names() if "birds" in name] == []


@pytest.mark.only("sqlite")
def test_a_rebuilt_table_is_still_searched(migration):
    op, connection = migration
    connection.execute(text("INSERT INTO birds (id, name, search) VALUES (1, 'x', ' wwowl ')"))
    with op.batch_alter_table("birds", recreate="always") as birds:
        birds.add_column(Column("size", Integer))
    assert hits(connection) == [1]
    connection.execute(text("INSERT INTO birds (id, name, search) VALUES (2, 'y', ' wwowl ')"))
    connection.execute(text("UPDATE birds SET search = ' wwjay ' WHERE id = 1"))
    assert hits(connection) == [2]


def test_alembic_itself_leaves_the_index_alone():
    assert not search.is_compared(INDEX, "index", {})
    assert not search.is_compared(f"{INDEX}_data", "table", {})
    assert search.is_compared("birds", "table", {})
    assert search.is_compared(None, "schema", {})
