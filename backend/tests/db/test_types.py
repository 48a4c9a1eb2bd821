"""Column types and defaults that mean the same on all three databases."""

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.operations import Operations
from sqlalchemy import Column, Integer, MetaData, Table, Text, insert, select, update
from sqlalchemy.dialects import mysql, postgresql

from app.db.migrations import compare_server_default
from app.db.types import JsonObject, TextDefault

TEXT = "it's 5% \\ :name {a}|b é"
JSON = '{"a": [true, null], "b": ":1"}'


def things(*more):
    return Table("things", MetaData(), Column("id", Integer, primary_key=True), *more)


def with_defaults(text=TEXT):
    """Return two columns with defaults, made in the same way as in a revision."""
    notes = Column("notes", Text(), server_default=TextDefault(text), nullable=False)
    return notes, Column("extra", JsonObject(), server_default=TextDefault(JSON), nullable=False)


def add(connection, *columns):
    with (
        Operations.context(MigrationContext.configure(connection)) as op,
        op.batch_alter_table("things") as batch,
    ):
        for column in columns:
            batch.add_column(column)


def differences(connection, table):
    options = {"compare_server_default": compare_server_default}
    found = compare_metadata(MigrationContext.configure(connection, opts=options), table.metadata)
    return [(change[0][0], change[0][3]) for change in found]


@pytest.fixture
def connection(scratch):
    """A connection to a database with a table that has a row."""
    with scratch.connect() as connection:
        table = things()
        table.create(connection)
        connection.execute(insert(table).values(id=1))
        yield connection


def test_existing_rows_get_a_default_with_any_characters(connection):
    add(connection, *with_defaults())
    table = things(*with_defaults())
    connection.execute(insert(table).values(id=2))
    rows = connection.execute(select(table.c.notes, table.c.extra)).all()
    assert rows == [(TEXT, {"a": [True, None], "b": ":1"})] * 2


def test_a_default_is_parenthesised_where_mysql_requires_it():
    """In these tests, MariaDB stands for MySQL, but it would accept the default without
    parentheses.

    On PostgreSQL, the default is recognised as a constant.
    """
    compiled = [
        str(TextDefault("it's").compile(dialect=kind.dialect())) for kind in (mysql, postgresql)
    ]
    assert compiled == ["('it''s')", "'it''s'"]


def test_only_a_default_missing_on_one_side_is_a_difference(connection):
    add(connection, *with_defaults("plain"), Column("bare", JsonObject()))
    assert (
        differences(connection, things(*with_defaults("plain"), Column("bare", JsonObject()))) == []
    )
    notes, _ = with_defaults("plain")
    other = things(
        notes,
        Column("extra", JsonObject(), nullable=False),
        Column("bare", JsonObject(), server_default=TextDefault("{}")),
    )
    assert differences(connection, other) == [
        ("modify_default", "extra"),
        ("modify_default", "bare"),
    ]


def test_no_object_is_null_and_not_the_null_of_json(connection):
    add(connection, Column("extra", JsonObject()))
    table = things(Column("extra", JsonObject().evaluates_none()))
    connection.execute(update(table).values(extra=None))
    assert connection.scalars(select(table.c.id).where(table.c.extra.is_(None))).all() == [1]
