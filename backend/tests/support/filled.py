"""Every table with purges, filled with many rows, so that plans are as in
production.
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
OLD = 50  # of these rows every time lies so far in the past that they have run out
OURS = (
    "app.db.",
    "app.platform.",
    "app.routers.auth.",
    "app.routers.payments.",
)  # other features may come and go
AGES = timedelta(days=1_000)


def fill(values: Mapping[str, Callable[[ColumnElement[int]], ColumnElement[Any]]]) -> None:
    """Add rows 1 to `ROWS` to each table. They refer to the rows of their own number.

    `values`, by `table.column`, compute another value from a row's number.
    """
    source, number = _numbers()
    tables = our_tables()
    with engine.begin() as connection:
        for made in tables:
            cells = {
                c: values.get(f"{made.name}.{c.name}", partial(_value, c))(number)
                for c in made.columns
            }
            filled = insert(made).from_select(
                list(cells), select(*cells.values()).select_from(source)
            )
            connection.execute(filled)
            if (
                connection.dialect.name == "postgresql"
            ):  # whose next id is not that behind the largest
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
    sequence = table(f"seq_1_to_{ROWS}", column("seq"))  # MariaDB's own
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
