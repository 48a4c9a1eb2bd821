"""Compares the `Enum` columns of a database with the models.

PostgreSQL and MySQL report the values of enum columns. On SQLite, and for enums that
are not native, the values are read from the CHECK that `app/db/enums.py` adds.
"""

import re
from collections.abc import Mapping
from typing import Any

from alembic.operations import ops
from sqlalchemy import CheckConstraint, Column, Enum, Inspector, MetaData, String, Table, event
from sqlalchemy.types import TypeEngine

from app.db.enums import check_name

TEXT = re.compile(r"'((?:[^']|'')*)'")
NAME = re.compile(r"\W*(\w+)")


def read_enums_back(models: MetaData) -> None:
    """Let reflected tables have `Enum` columns instead of text columns with a CHECK."""

    @event.listens_for(Table, "column_reflect")
    def _rebuild(inspector: Inspector, table: Table, column: dict[str, Any]) -> None:
        for check in inspector.get_check_constraints(table.name):
            if enum := _enum_of(check, table.name, column, inspector.dialect.name, models):
                column["type"] = enum

    @event.listens_for(CheckConstraint, "after_parent_attach")
    def _drop_double(check: CheckConstraint, parent: object) -> None:
        """Remove a CHECK that the type of its column has already created.

        There are two cases. A reflected CHECK duplicates the CHECK that the type adds
        when the table is rebuilt. And Alembic's batch mode attaches the type of a new
        column twice.
        """
        if isinstance(parent, Table):
            others = parent.constraints - {check}
            if check.name in {
                other.name for other in others if getattr(other, "_type_bound", False)
            }:
                parent.constraints.discard(check)


def _enum_of(
    check: Mapping[str, Any], table: str, column: dict[str, Any], dialect: str, models: MetaData
) -> Enum | None:
    kind, sql = column["type"], str(check["sqltext"])
    named = NAME.match(sql)
    if (
        not isinstance(kind, String)
        or isinstance(kind, Enum)
        or not named
        or named[1] != column["name"]
    ):
        return None
    model = models.tables.get(table)
    ours = model.columns.get(column["name"]) if model is not None else None
    values = [value.replace("''", "'") for value in TEXT.findall(sql)]
    name = str(check["name"] or "")
    if (
        ours is not None
        and isinstance(ours.type, Enum)
        and re.fullmatch(rf"ck_\w+_{ours.type.name}", name)
    ):
        return Enum(
            *values, name=ours.type.name, native_enum=ours.type.native_enum, length=kind.length
        )
    explicit = model is not None and name in {str(one.name) for one in model.constraints}
    fits = dialect == "sqlite" and bool(values) and kind.length == max(map(len, values))
    prefix = check_name(table, column["name"], "")
    return (
        Enum(*values, name=name.removeprefix(prefix))
        if fits and not explicit and name.startswith(prefix)
        else None
    )


def compare_type(
    context: Any,
    _there: Column[Any],
    _column: Column[Any],
    there: TypeEngine[Any],
    wanted: TypeEngine[Any],
) -> bool | None:
    """Return whether the type of a column differs from the type in its model.

    `None` leaves the decision to Alembic.
    """
    if not isinstance(wanted, Enum):
        return True if isinstance(there, Enum) else None
    native = wanted.native_enum and context.dialect.name in ("postgresql", "mysql")
    if not isinstance(there, Enum):
        return True if native else None
    renamed = context.dialect.name == "postgresql" and native and there.name != wanted.name
    return renamed or set(there.enums) != set(wanted.enums)


def prepare(script: ops.MigrationScript, models: MetaData) -> None:
    """Complete the enums in a revision.

    MySQL reports enums without a name, so each enum gets a name. New values are added
    first, because other operations of the revision may need them.
    """
    assert script.upgrade_ops
    first: list[ops.MigrateOperation] = []
    for change in list(script.upgrade_ops.ops):
        if not isinstance(change, ops.ModifyTableOps):
            continue
        changed = [one for one in change.ops if _changes_values(one)]
        if changed and len(changed) < len(change.ops):
            change.ops = [one for one in change.ops if one not in changed]
            first.append(ops.ModifyTableOps(change.table_name, changed))
        elif changed:
            script.upgrade_ops.ops.remove(change)
            first.append(change)
    script.upgrade_ops.ops[:0] = first
    for operations in (script.upgrade_ops, script.downgrade_ops):
        assert operations
        _name_enums(operations.ops, models)


def _changes_values(change: ops.MigrateOperation) -> bool:
    return (
        isinstance(change, ops.AlterColumnOp)
        and isinstance(change.modify_type, Enum)
        and isinstance(change.existing_type, Enum)
    )


def _name_enums(changes: list[ops.MigrateOperation], models: MetaData) -> None:
    for change in changes:
        if isinstance(change, ops.ModifyTableOps):
            _name_enums(change.ops, models)
            continue
        table = str(getattr(change, "table_name", ""))
        for column, kind in _types(change):
            if isinstance(kind, Enum) and not kind.name:
                model = models.tables.get(table)
                ours = model.columns.get(column) if model is not None else None
                kind.name = getattr(ours.type, "name", None) if ours is not None else None
                kind.name = kind.name or f"{table}_{column}"


def _types(change: ops.MigrateOperation) -> list[tuple[str, object]]:
    if isinstance(change, ops.CreateTableOp):
        return [(one.name, one.type) for one in change.columns if isinstance(one, Column)]
    if isinstance(change, ops.AddColumnOp):
        return [(change.column.name, change.column.type)]
    if isinstance(change, ops.AlterColumnOp):
        return [
            (change.column_name, change.modify_type),
            (change.column_name, change.existing_type),
        ]
    return []
