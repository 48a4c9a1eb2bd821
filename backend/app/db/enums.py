"""Makes `Enum` columns mean the same on all three databases.

PostgreSQL and MySQL have enum types of their own. SQLite stores such a column as text,
so its table gets a CHECK that lists the values. Migrations also read from this CHECK
which values a table accepts.
"""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import CheckConstraint, Column, Enum, MetaData, Table, event
from sqlalchemy.sql.elements import conv

# Alembic changes a table on SQLite by building a new one under this name
TEMPORARY = "_alembic_tmp_"


class AmbiguousEnum(ValueError):
    """Two enums that PostgreSQL would treat as one type, or an enum without a name for
    its type.
    """


def _ask_for_a_check(column: Column[Any], parent: object) -> None:
    """Let SQLAlchemy add a CHECK if the database has no enum types of its own."""
    if isinstance(parent, Table) and isinstance(column.type, Enum) and column.type.name:
        column.type.create_constraint = True


def _name_the_check(check: CheckConstraint, parent: object) -> None:
    """Name the CHECK after table, column and type.

    The temporary tables of Alembic have no naming convention.
    """
    bound = isinstance(parent, Table) and getattr(check, "_type_bound", False)
    if isinstance(parent, Table) and bound and check.name and not isinstance(check.name, conv):
        check.name = conv(check_name(parent.name, check.columns[0].name, str(check.name)))


def add_checks() -> None:
    """Add a CHECK for each `Enum` column of every table defined from now on, if the
    database has no enum types.
    """
    event.listen(Column, "before_parent_attach", _ask_for_a_check)
    event.listen(CheckConstraint, "after_parent_attach", _name_the_check, insert=True)


def check_name(table: str, column: str, enum: str) -> str:
    return f"ck_{table.removeprefix(TEMPORARY)}_{column}_{enum}"


def refuse_ambiguous(metadata: MetaData) -> None:
    """Raise `AmbiguousEnum` for enums that work on SQLite but would fail on PostgreSQL.

    There, a type is shared by its name.
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
