"""Filters and sort orders of lists.

A feature declares its filters and its sort orders in two tables:

    FILTERS: Filters = {
        "status": equals(Invoice.status),
        "due_at_from": at_least(Invoice.due_at),
        "q": contains(Invoice.number, Invoice.notes),
    }
    SORTS: Sorts = {"created_at": Invoice.created_at, "due_at": Invoice.due_at}
"""

from collections.abc import Callable, Mapping
from typing import Any

from pydantic import BaseModel
from sqlalchemy import ColumnElement, SQLColumnExpression, case, or_
from sqlalchemy.orm import InstrumentedAttribute

Condition = Callable[[Any], ColumnElement[bool]]
Filters = Mapping[str, Condition]
Sorts = Mapping[str, SQLColumnExpression[Any]]


def matching(wanted: BaseModel, filters: Filters) -> list[ColumnElement[bool]]:
    """Return the conditions of the filters that have a value."""
    given = ((condition, getattr(wanted, name)) for name, condition in filters.items())
    return [condition(value) for condition, value in given if value is not None]


def equals(column: InstrumentedAttribute[Any]) -> Condition:
    return lambda value: column == value


def at_least(column: InstrumentedAttribute[Any]) -> Condition:
    return lambda value: column >= value


def at_most(column: InstrumentedAttribute[Any]) -> Condition:
    return lambda value: column <= value


def contains(*columns: InstrumentedAttribute[Any]) -> Condition:
    """Return a filter that matches a text in any of these columns, in any case."""
    return lambda text: or_(*(column.icontains(text, autoescape=True) for column in columns))


def never_null(column: InstrumentedAttribute[Any]) -> ColumnElement[Any]:
    """Return a sort key for a column that allows nulls but is null in no row of the
    list.

    `ordering` then adds no condition for nulls, so an index can serve the whole order.
    """
    return column.expression


def ordering(sort: str, sorts: Sorts, tie: InstrumentedAttribute[int]) -> list[ColumnElement[Any]]:
    """Return the order of `sort`: ascending for `due_at`, descending for `-due_at`.

    `tie` breaks ties. Rows without a value come last in both directions, on every
    database. No index supports such an order, so sort a long list by a column that is
    never null. An expression is treated as never null.
    """
    column = sorts[sort.removeprefix("-")]
    keys: list[ColumnElement[Any]] = [
        key.desc() if sort.startswith("-") else key.asc() for key in (column, tie)
    ]
    if isinstance(column, InstrumentedAttribute) and column.property.columns[0].nullable:
        return [case((column.is_(None), 1), else_=0).asc(), *keys]
    return keys
