"""Filters and sort orders of lists.

A feature declares its filters and its sort orders in two tables:

    FILTERS: Filters = {
        "status": Invoice.status.__eq__,
        "due_at_from": Invoice.due_at.__ge__,
    }
    SORTS: Sorts = {"created_at": Invoice.created_at, "due_at": Invoice.due_at}
"""

from collections.abc import Callable, Mapping
from typing import Any

from pydantic import BaseModel
from sqlalchemy import ColumnElement, case, or_
from sqlalchemy.orm import InstrumentedAttribute

Condition = Callable[[Any], ColumnElement[bool]]
Filters = Mapping[str, Condition]
Sorts = Mapping[str, InstrumentedAttribute[Any]]


def matching(wanted: BaseModel, filters: Filters) -> list[ColumnElement[bool]]:
    """Return the conditions of the filters that have a value."""
    given = ((condition, getattr(wanted, name)) for name, condition in filters.items())
    return [condition(value) for condition, value in given if value is not None]


def contains(*columns: InstrumentedAttribute[Any]) -> Condition:
    """Return a filter that matches rows with this text in any column, ignoring case."""
    return lambda text: or_(*(column.icontains(text, autoescape=True) for column in columns))


def ordering(sort: str, sorts: Sorts, tie: InstrumentedAttribute[int]) -> list[ColumnElement[Any]]:
    """Return the order of `sort`: ascending for `due_at`, descending for `-due_at`.

    `tie` breaks ties. Rows without a value come last in both directions, on every
    database. No index supports this, so it is better to sort a long list by a column
    that is never null.
    """
    column = sorts[sort.removeprefix("-")]
    keys: list[ColumnElement[Any]] = [
        key.desc() if sort.startswith("-") else key.asc() for key in (column, tie)
    ]
    if column.property.columns[0].nullable:
        return [case((column.is_(None), 1), else_=0).asc(), *keys]
    return keys
