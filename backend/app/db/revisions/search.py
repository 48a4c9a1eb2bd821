"""Full-text indexes in migrations: `op.create_search_index`, `op.drop_search_index`.

Autogenerate writes both operations. `app.db.search.indexes` has their SQL.
"""

from typing import Any

from alembic.autogenerate import comparators, renderers
from alembic.autogenerate.api import AutogenContext
from alembic.operations import MigrateOperation, Operations
from alembic.operations.ops import UpgradeOps
from sqlalchemy import Inspector, MetaData, text
from typing_extensions import override

from app.db.search import indexes
from app.db.search.column import search_column


@Operations.register_operation("create_search_index")
class CreateSearchIndex(MigrateOperation):
    """Creates the full-text index of a table."""

    def __init__(self, table: str, column: str, *, concurrently: bool = False) -> None:
        self.table, self.column, self.concurrently = table, column, concurrently

    @classmethod
    def create_search_index(
        cls,
        operations: Operations,
        table: str,
        column: str,
        *,
        postgresql_concurrently: bool = False,
    ) -> None:
        """Create the full-text index of a `searchable` column."""
        operations.invoke(cls(table, column, concurrently=postgresql_concurrently))

    @override
    def reverse(self) -> "DropSearchIndex":
        return DropSearchIndex(self.table, self.column)

    @override
    def to_diff_tuple(self) -> tuple[Any, ...]:
        return ("add_search_index", self.table, self.column)


@Operations.register_operation("drop_search_index")
class DropSearchIndex(MigrateOperation):
    """Drops the full-text index of a table. The reverse operation needs `column`."""

    def __init__(self, table: str, column: str, *, concurrently: bool = False) -> None:
        self.table, self.column, self.concurrently = table, column, concurrently

    @classmethod
    def drop_search_index(
        cls,
        operations: Operations,
        table: str,
        column: str,
        *,
        postgresql_concurrently: bool = False,
    ) -> None:
        """Drop the full-text index of a `searchable` column."""
        operations.invoke(cls(table, column, concurrently=postgresql_concurrently))

    @override
    def reverse(self) -> CreateSearchIndex:
        return CreateSearchIndex(self.table, self.column)

    @override
    def to_diff_tuple(self) -> tuple[Any, ...]:
        return ("remove_search_index", self.table, self.column)


@Operations.implementation_for(CreateSearchIndex)
def _create(operations: Operations, operation: CreateSearchIndex) -> None:
    dialect, concurrently = operations.get_context().dialect.name, operation.concurrently
    if concurrently:  # an interrupted creation may have left an unusable index
        _run(operations, indexes.dropping(dialect, operation.table, concurrently=True))
    _run(
        operations,
        indexes.creating(dialect, operation.table, operation.column, concurrently=concurrently),
    )


@Operations.implementation_for(DropSearchIndex)
def _drop(operations: Operations, operation: DropSearchIndex) -> None:
    dialect = operations.get_context().dialect.name
    _run(
        operations,
        indexes.dropping(dialect, operation.table, concurrently=operation.concurrently),
    )


def _run(operations: Operations, statements: list[str]) -> None:
    for statement in statements:
        operations.execute(text(statement))


@renderers.dispatch_for(CreateSearchIndex)
def _render_create(_context: AutogenContext, operation: CreateSearchIndex) -> str:
    return f"op.create_search_index({operation.table!r}, {operation.column!r})"


@renderers.dispatch_for(DropSearchIndex)
def _render_drop(_context: AutogenContext, operation: DropSearchIndex) -> str:
    return f"op.drop_search_index({operation.table!r}, {operation.column!r})"


@comparators.dispatch_for("schema")
def _compare(context: AutogenContext, changes: UpgradeOps, _schemas: set[str | None]) -> None:
    """Create the indexes that are missing, and drop the indexes that no model has.

    An index is created after its column, and dropped before its column. When a table is
    dropped, the index is dropped with the table.
    """
    assert isinstance(context.metadata, MetaData)
    wanted = {
        table.name: column.name
        for table in context.metadata.sorted_tables
        if (column := search_column(table)) is not None
    }
    existing = indexed_columns(context.inspector)
    dropped = existing.keys() - wanted.keys() & context.metadata.tables.keys()
    changes.ops[:0] = [DropSearchIndex(table, existing[table]) for table in sorted(dropped)]
    changes.ops += [
        CreateSearchIndex(table, wanted[table]) for table in sorted(wanted.keys() - existing.keys())
    ]


def indexed_columns(inspector: Inspector) -> dict[str, str]:
    """Return the tables that have a full-text index, each with the indexed column."""
    tables = inspector.get_table_names()
    if inspector.dialect.name == "sqlite":
        indexed = {name: indexes.index_name(name) for name in tables}
        return {
            name: str(inspector.get_columns(index)[0]["name"])
            for name, index in indexed.items()
            if index in tables
        }
    return {
        name: str(index["column_names"][0])
        for name in tables
        for index in inspector.get_indexes(name)
        if index["name"] == indexes.index_name(name)
    }


def is_compared(name: str | None, kind: str, _parents: object) -> bool:
    """Return whether Alembic itself should compare the table or index of this name."""
    return kind not in ("table", "index") or not str(name).startswith(indexes.PREFIX)
