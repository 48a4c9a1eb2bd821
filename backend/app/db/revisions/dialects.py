"""Changes Alembic's operations, so that one revision works on all three databases.

A class with a `__dialect__` replaces Alembic's own class for that dialect. Alembic's
manual describes this in "Working with Custom Types".
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from alembic import op
from alembic.ddl.mysql import MySQLImpl
from alembic.ddl.postgresql import PostgresqlImpl
from alembic.ddl.sqlite import SQLiteImpl
from alembic.operations.batch import BatchOperationsImpl
from sqlalchemy import Column, Enum, Table, text
from sqlalchemy.dialects.postgresql import ENUM
from sqlalchemy.sql.elements import quoted_name
from sqlalchemy.types import TypeEngine
from typing_extensions import override

from app.db.enums import TEMPORARY
from app.db.search import indexes

from . import postgresql_types as sql
from .required import has_no_value, refuse_if_filled


class SQLite(SQLiteImpl):
    __dialect__ = "sqlite"

    @override
    def requires_recreate_in_batch(self, batch_op: BatchOperationsImpl) -> bool:
        """Return whether the table must be rebuilt, for example for a new NOT NULL
        column.

        SQLite cannot add a NOT NULL column without a default, even to an empty table.
        """
        added = [arguments[1] for name, arguments, _ in batch_op.batch if name == "add_column"]
        return any(map(has_no_value, added)) or super().requires_recreate_in_batch(batch_op)

    @override
    def drop_table(self, table: Table, **options: Any) -> None:
        """Drop a table, and its full-text index.

        If the table is only rebuilt, the index stays, and `rename_table` later creates
        the triggers that keep the index up to date again.
        """
        rebuilt = self._exists(f"{TEMPORARY}{table.name}")
        if rebuilt:
            self.memo[f"triggers of {table.name}"] = self._triggers(table.name)
        super().drop_table(table, **options)
        if not rebuilt and self._exists(indexes.index_name(table.name)):
            for statement in indexes.dropping(self.dialect.name, table.name):
                self._exec(text(statement))

    @override
    def rename_table(
        self,
        old_table_name: str,
        new_table_name: str | quoted_name,
        schema: str | quoted_name | None = None,
    ) -> None:
        super().rename_table(old_table_name, new_table_name, schema)
        for trigger in self.memo.pop(f"triggers of {new_table_name}", ()):
            self._exec(text(trigger.replace(":", "\\:")))

    def _exists(self, table: str) -> bool:
        if self.as_sql or self.connection is None:
            return False
        return self.dialect.has_table(self.connection, table)

    def _triggers(self, table: str) -> list[str]:
        assert self.connection is not None
        stored = text("SELECT sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name = :table")
        return list(self.connection.scalars(stored, {"table": table}))


class MySQL(MySQLImpl):
    __dialect__ = "mysql"

    @override
    def add_column(self, table_name: str, column: Column[Any], **options: Any) -> None:
        """Add a column, but refuse a NOT NULL column without a default if there are
        rows.

        MySQL would fill these rows with `''` or 0. The other databases themselves
        refuse such a column.
        """
        if has_no_value(column) and self.connection is not None and not self.as_sql:
            refuse_if_filled(self.connection, table_name, column.name)
        super().add_column(table_name, column, **options)


class PostgreSQL(PostgresqlImpl):
    """Creates an enum type with its first column, and drops it with its last column."""

    __dialect__ = "postgresql"

    @override
    def create_table(self, table: Table, **options: Any) -> None:
        self._create_types(table.columns)
        super().create_table(table, **options)

    @override
    def add_column(self, table_name: str, column: Column[Any], **options: Any) -> None:
        self._create_types([column])
        super().add_column(table_name, column, **options)

    @override
    def drop_table(self, table: Table, **options: Any) -> None:
        with self._dropping_types(table.name):
            super().drop_table(table, **options)

    @override
    def drop_column(self, table_name: str, column: Column[Any], **options: Any) -> None:
        with self._dropping_types(table_name, column.name):
            super().drop_column(table_name, column, **options)

    @override
    def alter_column(
        self,
        table_name: str,
        column_name: str,
        *,
        type_: TypeEngine[Any] | None = None,
        existing_type: TypeEngine[Any] | None = None,
        **options: Any,
    ) -> None:
        if type_ is not None and (is_native(type_) or is_native(existing_type)):
            self._change_type(table_name, column_name, existing_type, type_)
            existing_type, type_ = type_, None
        super().alter_column(
            table_name, column_name, type_=type_, existing_type=existing_type, **options
        )

    def _change_type(
        self, table: str, column: str, old: TypeEngine[Any] | None, new: TypeEngine[Any]
    ) -> None:
        if (
            isinstance(old, Enum)
            and isinstance(new, Enum)
            and is_native(new)
            and old.name == new.name
        ):
            self._change_values(old, new)
            return
        if isinstance(new, Enum) and is_native(new):
            self._create_type(new)
        with self._dropping_types(table, column):
            self._exec(text(sql.converting(table, column, new.compile(self.dialect))))

    def _change_values(self, old: Enum, new: Enum) -> None:
        name = self._name(new)
        if not set(old.enums) <= set(new.enums):
            self._exec(text(sql.replacing(name, new.enums)))
            return
        # PostgreSQL cannot use a new value in the transaction that adds it, and the
        # next operation may need it.
        with op.get_context().autocommit_block():
            for value in new.enums:
                if value not in old.enums:
                    self._exec(text(sql.adding(name, new.enums, value)))

    def _create_types(self, columns: Iterable[Column[Any]]) -> None:
        for column in columns:
            if isinstance(column.type, Enum) and is_native(column.type):
                self._create_type(column.type)

    def _create_type(self, enum: Enum) -> None:
        self._exec(text(sql.creating(self._name(enum), enum.enums)))
        # SQLAlchemy would create the type again, without checking whether it exists.
        # SQLAlchemy records in this set which types it has created, and skips these.
        self.memo.setdefault(f"pg_{ENUM.__visit_name__}", set()).add((enum.schema, enum.name))

    def _name(self, enum: Enum) -> str:
        assert enum.name
        return str(self.dialect.identifier_preparer.quote(enum.name))

    @contextmanager
    def _dropping_types(self, table: str, column: str | None = None) -> Iterator[None]:
        self._exec(text(sql.remembering(table, column)))
        yield
        self._exec(text(sql.FORGET))


def is_native(kind: object) -> bool:
    return isinstance(kind, Enum) and kind.native_enum


IN_USE = (SQLite, MySQL, PostgreSQL)
