"""Refuses revisions that probably rename a column or a table.

Autogenerate does not recognise renames. It would drop the old column or table with all
its data, and add an empty one.
"""

import textwrap
from collections.abc import Iterator
from typing import Any

from alembic.autogenerate import render_python_code
from alembic.operations import ops
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Column, Table

from app.db.migrations import OURS, render_item

from .enums import compare_type
from .refusal import Refused

ADVICE = """\
{what}

If that is a rename, write it yourself, so that the data stays. This creates an empty revision:

make migration m="rename {old} to {new}" empty=yes

Put this into it:

{imports}


def upgrade() -> None:
{upgrade}


def downgrade() -> None:
{downgrade}

Then run `make migrate`, and `make migration` again, because the names of indexes and
constraints change as well.
If nothing was renamed, and the old data may be dropped, run `make migration m="..." drop=yes`."""


OUR_TYPES = tuple(kind.__name__ for kind in OURS)


class PerhapsRenamed(Refused):
    """A column or table would be dropped, and a similar one would be added."""

    def __init__(self, old: str, advice: str) -> None:
        super().__init__(
            f"{old} may have been renamed, so no revision was written. See above.", advice
        )


def refuse_renames(context: MigrationContext, script: ops.MigrationScript) -> None:
    """Raise `PerhapsRenamed` if a column or table may have been renamed."""
    assert script.upgrade_ops
    for change in script.upgrade_ops.ops:
        if isinstance(change, ops.ModifyTableOps):
            for old, new in _pairs_of_columns(context, change):
                raise PerhapsRenamed(
                    f"{change.table_name}.{old.name}", _about_column(change.table_name, old, new)
                )
    for before, after in _pairs_of_tables(context, script.upgrade_ops.ops):
        raise PerhapsRenamed(before.name, _about_table(before, after))


def _pairs_of_columns(
    context: MigrationContext, change: ops.ModifyTableOps
) -> Iterator[tuple[Column[Any], Column[Any]]]:
    dropped = [one.to_column() for one in change.ops if isinstance(one, ops.DropColumnOp)]
    added = [one.column for one in change.ops if isinstance(one, ops.AddColumnOp)]
    return ((old, new) for old in dropped for new in added if _same_type(context, old, new))


def _pairs_of_tables(
    context: MigrationContext, changes: list[ops.MigrateOperation]
) -> Iterator[tuple[Table, Table]]:
    dropped = [one.to_table() for one in changes if isinstance(one, ops.DropTableOp)]
    created = [one.to_table() for one in changes if isinstance(one, ops.CreateTableOp)]
    return ((old, new) for old in dropped for new in created if _same_columns(context, old, new))


def _same_columns(context: MigrationContext, old: Table, new: Table) -> bool:
    return old.columns.keys() == new.columns.keys() and all(
        _same_type(context, column, new.columns[column.name]) for column in old.columns
    )


def _same_type(context: MigrationContext, old: Column[Any], new: Column[Any]) -> bool:
    differs = compare_type(context, old, new, old.type, new.type)
    return not (context.impl.compare_type(old, new) if differs is None else differs)


def _about_column(table: str, old: Column[Any], new: Column[Any]) -> str:
    existing: dict[str, Any] = {"existing_type": new.type, "existing_nullable": old.nullable}
    if old.server_default is not None:
        existing["existing_server_default"] = old.server_default

    def renaming(before: str, after: str) -> str:
        change = ops.AlterColumnOp(table, before, modify_name=after, **existing)
        return _source(ops.ModifyTableOps(table, [change]))

    return _advice(
        what=f"{table}.{old.name} would be dropped with all its data, and {table}.{new.name} "
        "would be added. It has the same type and would be empty.",
        old=old.name,
        new=new.name,
        upgrade=renaming(old.name, new.name),
        downgrade=renaming(new.name, old.name),
    )


def _about_table(old: Table, new: Table) -> str:
    return _advice(
        what=f"The table {old.name} would be dropped with all its rows, and {new.name} would be "
        "created. It has the same columns and would be empty.",
        old=old.name,
        new=new.name,
        upgrade=f'    op.rename_table("{old.name}", "{new.name}")',
        downgrade=f'    op.rename_table("{new.name}", "{old.name}")',
    )


def _advice(**parts: str) -> str:
    code = parts["upgrade"] + parts["downgrade"]
    dialects = [name for name in ("mysql", "postgresql", "sqlite") if f"{name}." in code]
    types = [name for name in OUR_TYPES if f"{name}(" in code]
    imports = ["import sqlalchemy as sa"] if "sa." in code else []
    imports += ["from alembic import op"]
    imports += [f"from app.db.types import {', '.join(types)}"] if types else []
    imports += [f"from sqlalchemy.dialects import {', '.join(dialects)}"] if dialects else []
    return ADVICE.format(imports="\n".join(imports), **parts)


def _source(operation: ops.MigrateOperation) -> str:
    code = render_python_code(
        ops.UpgradeOps([operation]), render_as_batch=True, render_item=render_item
    )
    lines = [line for line in code.splitlines() if not line.lstrip().startswith("# ###")]
    return textwrap.indent(
        textwrap.dedent("\n".join(lines)).replace(", schema=None", "").strip(), "    "
    )
