"""The column that holds the search tokens of a row."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Column, Connection, Table, event, inspect, select
from sqlalchemy.orm import MappedColumn, Mapper, mapped_column
from sqlalchemy.orm.attributes import set_attribute

from app.core.config import get_settings
from app.core.search_text import search_text
from app.db.types import SearchTokens

FIELDS = "searched fields"  # the key in `Column.info`


def searchable(*fields: str) -> MappedColumn[Any]:
    """Return a column with the search tokens of these fields of its model.

    A match in the first field counts for more than a match in the other fields. A table
    has at most one such column.
    """

    def tokens(context: Any) -> str | None:
        values = context.get_current_parameters()
        return tokens_of([values.get(name) for name in fields])

    return mapped_column(
        SearchTokens,
        default=tokens,
        nullable=True,
        deferred=True,
        deferred_raiseload=True,
        info={FIELDS: fields},
    )


def search_column(table: Table) -> Column[Any] | None:
    """Return the column with the search tokens of this table, or `None`."""
    return next((column for column in table.columns if FIELDS in column.info), None)


def searched_fields(column: Column[Any]) -> Sequence[str]:
    fields: Sequence[str] = column.info[FIELDS]
    return fields


def tokens_of(values: Sequence[Any]) -> str | None:
    """Return the search tokens of a row with these values in its searched fields.

    If all values are `None`, the result is NULL, as in a row that other code has
    written.
    """
    if all(value is None for value in values):
        return None
    parts = ["" if value is None else str(value) for value in values]
    return search_text(parts, get_settings().search_language or "")


@event.listens_for(Mapper, "mapper_configured")
def _listen(mapper: Mapper[Any], model: type) -> None:
    if isinstance(mapper.local_table, Table) and search_column(mapper.local_table) is not None:
        event.listen(model, "before_update", _fill_again)


def _fill_again(mapper: Mapper[Any], connection: Connection, row: object) -> None:
    """Fill the column again if a searched field has changed.

    Fields that are not loaded are read first. If another transaction has deleted the
    row, the UPDATE of the row reports this.
    """
    assert isinstance(mapper.local_table, Table)
    column, state = search_column(mapper.local_table), inspect(row)
    assert column is not None
    assert state is not None
    fields = searched_fields(column)
    if not any(state.attrs[name].history.has_changes() for name in fields):
        return
    values: Mapping[str, Any] = state.dict
    if missing := [name for name in fields if name not in values]:
        key = zip(mapper.primary_key, state.identity, strict=True)
        stored = connection.execute(
            select(*(mapper.columns[name] for name in missing)).where(
                *(part == value for part, value in key)
            )
        ).first()
        values = {**values, **dict(zip(missing, stored or (), strict=False))}
    tokens = tokens_of([values.get(name) for name in fields])
    set_attribute(row, mapper.get_property_by_column(column).key, tokens)
