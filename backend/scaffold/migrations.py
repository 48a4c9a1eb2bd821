"""Renders the revisions of a feature from its tables.

No database is queried, so the revision of the developer's database does not matter.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from alembic.autogenerate import render_python_code
from alembic.migration import MigrationContext
from alembic.operations import ops
from alembic.script import ScriptDirectory
from alembic.util import rev_id
from sqlalchemy import CheckConstraint, Column, Constraint, Table
from sqlalchemy.sql.schema import ColumnCollectionConstraint

from app.db.migrations import alembic_config, render_item
from app.db.revisions.search import CreateSearchIndex, DropSearchIndex
from app.db.search.column import search_column

Operations = ops.UpgradeOps | ops.DowngradeOps
TYPES = ("ExactDecimal", "JsonObject", "SearchTokens", "TextDefault", "UtcDateTime")


def tables_of(feature: str) -> tuple[Table, ...]:
    """Return the tables of a feature, each after the tables that it refers to."""
    from app.db.database import Base

    inside = f"app.routers.{feature}."
    own = {
        mapper.local_table
        for mapper in Base.registry.mappers
        if mapper.class_.__module__.startswith(inside)
    }
    return tuple(table for table in Base.metadata.sorted_tables if table in own)


def creating(*tables: Table) -> ops.UpgradeOps:
    found: list[ops.MigrateOperation] = []
    for table in tables:
        indexes = sorted(table.indexes, key=lambda index: str(index.name))
        found += [
            ops.CreateTableOp.from_table(table),
            *(ops.CreateIndexOp.from_index(index) for index in indexes),
        ]
        column = search_column(table)
        if column is not None:
            found.append(CreateSearchIndex(table.name, column.name))
    return ops.UpgradeOps(found)


def dropping(*tables: Table) -> ops.DowngradeOps:
    """Return the operations that drop the tables, together with their indexes."""
    return ops.DowngradeOps([ops.DropTableOp.from_table(table) for table in tables])


def adding(table: Table, names: Sequence[str]) -> tuple[ops.UpgradeOps, ops.DowngradeOps]:
    """Return the operations that add columns, and the reverse operations.

    Both include the constraints and indexes of the columns.
    """
    columns = [table.columns[name] for name in names]
    constraints = [
        constraint
        for constraint in sorted(table.constraints, key=lambda constraint: str(constraint.name))
        if any(column in _columns(constraint) for column in columns)
    ]
    indexes = [
        index
        for index in sorted(table.indexes, key=lambda index: str(index.name))
        if any(column in list(index.columns) for column in columns)
    ]
    done: list[ops.MigrateOperation] = [ops.AddColumnOp.from_column(column) for column in columns]
    done += [ops.AddConstraintOp.from_constraint(constraint) for constraint in constraints]
    done += [ops.CreateIndexOp.from_index(index) for index in indexes]
    undone: list[ops.MigrateOperation] = [
        ops.DropConstraintOp.from_constraint(one) for one in reversed(constraints)
    ]
    undone += [ops.DropIndexOp.from_index(index) for index in reversed(indexes)]
    undone += [
        ops.DropColumnOp.from_column_and_tablename(None, table.name, column)
        for column in reversed(columns)
    ]
    changes: tuple[list[ops.MigrateOperation], list[ops.MigrateOperation]]
    changes = [ops.ModifyTableOps(table.name, done)], [ops.ModifyTableOps(table.name, undone)]
    words = search_column(table)
    if words is not None and words in columns:
        changes[0].append(CreateSearchIndex(table.name, words.name))
        changes[1].insert(0, DropSearchIndex(table.name, words.name))
    return ops.UpgradeOps(changes[0]), ops.DowngradeOps(changes[1])


def _columns(constraint: Constraint) -> list[Column[Any]]:
    """Return the columns of a constraint.

    The name of a CHECK shows its column, as in `status_known`.
    """
    if isinstance(constraint, CheckConstraint):
        prefix, suffix = f"ck_{constraint.table.name}_", "_known"
        return [
            c
            for c in constraint.table.columns
            if str(constraint.name) == f"{prefix}{c.name}{suffix}"
        ]
    return list(constraint.columns) if isinstance(constraint, ColumnCollectionConstraint) else []


def write_revision(
    backend: Path, message: str, upgrade: Operations, downgrade: Operations, *, batch: bool = False
) -> Path:
    """Write a new revision after the only head, and return its path."""
    script = ScriptDirectory.from_config(alembic_config(backend))
    code = [source_of(operations, batch=batch) for operations in (upgrade, downgrade)]
    used = [name for name in TYPES if any(f"{name}(" in text for text in code)]
    imports = [f"from app.db.types import {', '.join(used)}"] if used else []
    imports += (
        ["from sqlalchemy.dialects import mysql"] if any("mysql." in text for text in code) else []
    )
    written = script.generate_revision(
        rev_id(),
        message,
        head="head",
        upgrades=code[0],
        downgrades=code[1],
        imports="\n".join(imports),
    )
    assert written
    return Path(written.path)


def source_of(operations: Operations, *, batch: bool = False) -> str:
    """Return the source of the body of `upgrade` or `downgrade`."""
    options: dict[str, Any] = {"render_item": render_item, "render_as_batch": batch}
    context = MigrationContext.configure(dialect_name="postgresql")
    code = render_python_code(operations, migration_context=context, **options)
    lines = [
        line for line in code.splitlines() if not line.lstrip().startswith("# ###")
    ]  # leave out the comments that Alembic adds
    return "\n".join(lines).replace(", unique=False", "").replace(", schema=None", "").strip()
