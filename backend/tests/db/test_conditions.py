"""The conditions that were written by hand are the same in the models and in the
revisions.

Alembic compares neither check constraints nor the conditions of partial indexes.
"""

import pytest
from sqlalchemy import CheckConstraint, inspect

from app.core.features import load_models
from app.db.database import Base, engine

KIND = engine.dialect.name


def tables():
    load_models()
    return [table for table in Base.metadata.sorted_tables if table.name in existing()]


def existing():
    return set(inspect(engine).get_table_names())


def declared_checks(table):
    """Return the names of the checks of a model, except those of its enums."""
    checks = (one for one in table.constraints if isinstance(one, CheckConstraint))
    return {str(one.name) for one in checks if not getattr(one, "_type_bound", False)}


def test_every_check_constraint_is_in_the_database(migrated):
    found = 0
    for table in tables():
        names = declared_checks(table)
        there = {check["name"] for check in inspect(engine).get_check_constraints(table.name)}
        assert names <= there, table.name
        found += len(names)
    assert found > 0


@pytest.mark.only("postgresql", "sqlite")
def test_every_partial_index_has_its_condition(migrated):
    partial = 0
    for table in tables():
        there = {index["name"]: index for index in inspect(engine).get_indexes(table.name)}
        for index in table.indexes:
            wanted = index.dialect_options[KIND]["where"] is not None
            options = there[index.name].get("dialect_options", {})
            assert (f"{KIND}_where" in options) is wanted, index.name
            partial += wanted
    assert partial > 0


@pytest.mark.only("mysql")
def test_on_mysql_a_partial_index_is_an_ordinary_one(migrated):
    partial = 0
    for table in tables():
        there = {index["name"] for index in inspect(engine).get_indexes(table.name)}
        for index in table.indexes:
            if index.dialect_options["postgresql"]["where"] is not None:
                assert index.name in there
                partial += 1
    assert partial > 0
