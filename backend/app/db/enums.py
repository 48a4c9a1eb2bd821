"""Prepares `Enum` columns, so that they behave alike on all three databases.

PostgreSQL and MySQL have enum types. SQLite stores an enum as text, so the table gets a
CHECK that lists the values. Migrations read the accepted values from this CHECK.
"""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import CheckConstraint, Column, Enum, MetaData, Table, event
from sqlalchemy.sql.elements import conv

# On SQLite, Alembic changes a table by building a new table with this prefix.
TEMPORARY = "_alembic_tmp_"


class AmbiguousEnum(ValueError):
    """Two enums have the same name but different values, or an enum has no name.

    PostgreSQL creates one type for each name.
    """


def _ask_for_a_check(column: Column[Any], parent: object) -> None:
    """Let SQLAlchemy add a CHECK on databases without enum types."""
    if isinstance(parent, Table) and isinstance(column.type, Enum) and column.type.name:
        column.type.create_constraint = True


def _name_the_check(check: CheckConstraint, parent: object) -> None:
    """Name the CHECK after its table, column and type.

    The naming convention cannot do this, because it does not apply to Alembic's
    temporary tables.
    """
    bound = isinstance(parent, Table) and getattr(check, "_type_bound", False)
    if isinstance(parent, Table) and bound and check.name and not isinstance(check.name, conv):
        check.name = conv(check_name(parent.name, check.columns[0].name, str(check.name)))


def add_checks() -> None:
    """Add a CHECK to the `Enum` columns of all tables that are defined from now on.

    The CHECK is created only on databases without enum types.
    """
    event.listen(Column, "before_parent_attach", _ask_for_a_check)
    event.listen(CheckConstraint, "after_parent_attach", _name_the_check, insert=True)


def check_name(table: str, column: str, enum: str) -> str:
    return f"ck_{table.removeprefix(TEMPORARY)}_{column}_{enum}"


def refuse_ambiguous(metadata: MetaData) -> None:
    """Raise `AmbiguousEnum` for enums that would fail on PostgreSQL.

    PostgreSQL has one type for each name, so enums of the same name need the same
    values. SQLite would not report this.
    """
    seen: dict[str, tuple[str, list[str]]] = {}
    for place, enum in _enums(metadata.sorted_tables):
        if not enum.name:
            raise AmbiguousEnum(
                f"The enum of {place} needs a name, because PostgreSQL creates a type for it: "
                'Enum(…, name="…").'
            )
        other, values = seen.setdefault(enum.name, (place, enum.enums))
        if values != enum.enums:
            own_name = place.replace(".", "_")
            raise AmbiguousEnum(
                f"{other} and {place} both have an enum named {enum.name!r}, with different "
                "values. On PostgreSQL they would share one type. "
                f"Give one of them another name, such as: Enum(…, name={own_name!r})."
            )


def _enums(tables: Iterable[Table]) -> Iterable[tuple[str, Enum]]:
    for table in tables:
        for column in table.columns:
            if isinstance(column.type, Enum) and column.type.native_enum:
                yield f"{table.name}.{column.name}", column.type
