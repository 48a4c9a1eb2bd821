"""Fills every table that has purges with many rows, so that query plans are like those
in production.
"""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    case,
    column,
    func,
    insert,
    literal,
    literal_column,
    select,
    table,
    text,
)
from sqlalchemy.sql.selectable import FromClause

from app.core.types import utc_now
from app.db.database import Base, engine

ROWS = 10_000
TOGETHER = 1_000  # rows per statement, because a statement has a time limit
ONE_ROW = {"blog_count_state"}  # tables in which a check constraint allows only one row
OLD = 50  # this many rows have times so far in the past that the rows have expired
OURS = (
    "app.db.",
    "app.platform.",
    "app.routers.activity.",
    "app.routers.auth.",
    "app.routers.blog.",
    "app.routers.payments.",
)  # other features may be added or removed
AGES = timedelta(days=1_000)


def fill(values: Mapping[str, Callable[[ColumnElement[int]], ColumnElement[Any]]]) -> None:
    """Add rows 1 to `ROWS` to each table. Each row refers to rows with the same number.

    For some columns, `values` maps `table.column` to a function that computes the value
    from the number.
    """
    source, number = _numbers()
    tables = our_tables()
    with engine.begin() as connection:
        for made in tables:
            cells = {
                c: values.get(f"{made.name}.{c.name}", partial(_value, c))(number)
                for c in made.columns
            }
            rows = select(*cells.values()).select_from(source)
            last = 1 if made.name in ONE_ROW else ROWS
            for first in range(1, last + 1, TOGETHER):
                some = rows.where(number.between(first, min(last, first + TOGETHER - 1)))
                connection.execute(insert(made).from_select(list(cells), some))
            if (
                connection.dialect.name == "postgresql" and made.autoincrement_column is not None
            ):  # inserting explicit ids does not move the sequence
                connection.execute(select(func.setval(f"{made.name}_id_seq", ROWS)))
        for made in tables:
            connection.execute(
                text(f"ANALYZE {'TABLE' if connection.dialect.name == 'mysql' else ''} {made.name}")
            )


def our_tables(modules: tuple[str, ...] = OURS) -> list[Any]:
    """Return the tables of these modules, without those of other tests."""
    ours = {
        mapper.local_table
        for mapper in Base.registry.mappers
        if mapper.class_.__module__.startswith(modules)
    }
    return [made for made in Base.metadata.sorted_tables if made in ours]


def _numbers() -> tuple[FromClause, ColumnElement[int]]:
    if engine.dialect.name == "postgresql":
        series = func.generate_series(1, ROWS).table_valued("n").render_derived()
        return series, series.c.n
    sequence = table(f"seq_1_to_{ROWS}", column("seq"))  # MariaDB's sequence engine
    return sequence, sequence.c.seq


def _value(c: Column[Any], number: ColumnElement[int]) -> ColumnElement[Any]:
    kind = c.type.python_type
    if c.primary_key or c.foreign_keys or kind is int:
        return number
    if kind is datetime:
        at = utc_now()
        return case(
            (number <= OLD, literal(at - AGES, c.type)),
            else_=literal(at + timedelta(days=1), c.type),
        )
    if kind is str:
        return (
            func.concat("x", number)
            if (getattr(c.type, "length", None) or 99) > 6
            else literal("x")
        )
    return {bool: literal(value=False), bytes: literal(b"x", c.type)}.get(
        kind, literal_column("'{}'")
    )
