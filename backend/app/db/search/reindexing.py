"""Fills the search tokens of stored rows again, for the command `make reindex`."""

from collections.abc import Sequence
from functools import partial

from sqlalchemy import Table, inspect, select, update
from sqlalchemy.orm import Session

from app.db.base import Base
from app.db.batches import Progress, run_for_terminal
from app.db.database import WorkerSession

from .column import search_column, searched_fields, tokens_of

SIZE = 200  # rows per batch; only a few, because the fields of a row may be long
# A short pause is enough. A batch spends most of its time on splitting texts into
# words, which puts no load on the database.
REST = 0.5


def searchable_models() -> dict[str, type[Base]]:
    """Return the models with a `searchable` column, by the names of their tables."""
    found = {}
    for mapper in Base.registry.mappers:
        if isinstance(mapper.local_table, Table) and search_column(mapper.local_table) is not None:
            found[mapper.local_table.name] = mapper.class_
    return dict(sorted(found.items()))


def reindex(model: type[Base], *, restart: bool) -> Progress:
    """Fill the search tokens of every row.

    An interrupted run continues where it stopped. With `restart`, it begins at the
    first row.
    """
    name = f"reindex.{model.__tablename__}"
    work = partial(index_batch, model)
    return run_for_terminal(WorkerSession, name, work, model, restart=restart, size=SIZE, rest=REST)


def index_batch(model: type[Base], db: Session, keys: Sequence[int]) -> None:
    """Fill the search tokens of these rows, without changing `updated_at`."""
    mapper = inspect(model)
    (key,) = mapper.primary_key
    column = search_column(key.table)
    assert column is not None
    kept = [key, *(one for one in key.table.columns if one.onupdate is not None)]
    fields = [mapper.columns[name] for name in searched_fields(column)]
    names = [mapper.get_property_by_column(one).key for one in (*kept, column)]
    rows = db.execute(select(*kept, *fields).where(key.in_(keys)))
    changes = [
        dict(zip(names, (*row[: len(kept)], tokens_of(row[len(kept) :])), strict=True))
        for row in rows
    ]
    if changes:
        db.execute(update(model), changes)
