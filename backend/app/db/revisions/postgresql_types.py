"""The SQL that creates, changes and drops enum types on PostgreSQL.

The statements also work with `--sql`, where Python cannot send a query to find out what
exists. So the necessary queries are part of the SQL. Each statement is one line,
because administrators and tools split such a file at line ends.
"""

from collections.abc import Sequence

# The columns that have a type, with their defaults. A default must be removed while the
# type of the column changes.
PLACES = (
    "SELECT a.attrelid::regclass AS tab, a.attname AS col, pg_get_expr(d.adbin, d.adrelid) AS "
    "preset FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid LEFT JOIN pg_attrdef d ON "
    "d.adrelid = a.attrelid AND d.adnum = a.attnum WHERE c.relkind IN ('r', 'p') AND NOT "
    "a.attisdropped AND "
)
RETYPE = (
    "IF place.preset IS NOT NULL THEN EXECUTE format('ALTER TABLE %s ALTER COLUMN %I DROP "
    "DEFAULT', place.tab, place.col); EXECUTE format('SELECT (%s)::text', place.preset) INTO "
    "preset; END IF; EXECUTE format('ALTER TABLE %s ALTER COLUMN %I TYPE {type} USING "
    "%I::text::{type}', place.tab, place.col, place.col); IF place.preset IS NOT NULL THEN "
    "EXECUTE format('ALTER TABLE %s ALTER COLUMN %I SET DEFAULT %L', place.tab, place.col, "
    "preset); END IF; "
)
LABELS = (
    "(SELECT array_agg(enumlabel::text ORDER BY enumsortorder) FROM pg_enum WHERE enumtypid = "
    "{literal}::regtype)"
)
REMEMBER = (
    "SELECT set_config('liftoff.types', coalesce((SELECT string_agg(DISTINCT "
    "t.oid::regtype::text, ',') FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid WHERE "
    "t.typtype = 'e' AND NOT a.attisdropped AND a.attrelid = to_regclass({table}) AND ({column} "
    "IS NULL OR a.attname = {column})), ''), false)"
)
FORGET = (
    "DO $$ DECLARE unused text; BEGIN FOREACH unused IN ARRAY "
    "string_to_array(current_setting('liftoff.types', true), ',') LOOP BEGIN "
    "EXECUTE 'DROP TYPE ' || unused; "
    "EXCEPTION WHEN dependent_objects_still_exist THEN NULL; END; END LOOP; END $$"
)


def literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def creating(name: str, values: Sequence[str]) -> str:
    """Return SQL that creates the type, unless it already exists with these values."""
    array = f"ARRAY[{_listed(values)}]"
    other = literal(
        f"The type {name} already exists with other values. Give this enum another name."
    )
    return (
        f"DO $$ BEGIN CREATE TYPE {name} AS ENUM ({_listed(values)}); EXCEPTION WHEN "
        f"duplicate_object THEN IF {LABELS.format(literal=literal(name))} <> {array} THEN RAISE "
        f"EXCEPTION {other}; END IF; END $$"
    )


def adding(name: str, values: Sequence[str], value: str) -> str:
    """Return SQL that adds a value at its position among the other values."""
    at = values.index(value)
    place = f"AFTER {literal(values[at - 1])}" if at else f"BEFORE {literal(values[1])}"
    return f"ALTER TYPE {name} ADD VALUE IF NOT EXISTS {literal(value)} {place}"


def replacing(name: str, values: Sequence[str]) -> str:
    """Return SQL that replaces the values of a type.

    PostgreSQL cannot remove a value, so all columns of the type move to a new type.
    This fails if a row has a value that is removed.
    """
    old = literal(f"{name}__old")
    return (
        "DO $$ DECLARE place record; preset text; BEGIN IF "
        f"{LABELS.format(literal=literal(name))} = ARRAY[{_listed(values)}] THEN RETURN; END IF; "
        f"ALTER TYPE {name} RENAME TO {name}__old; CREATE TYPE {name} AS ENUM "
        f"({_listed(values)}); FOR place IN {PLACES} a.atttypid = {old}::regtype LOOP "
        f"{RETYPE.format(type=name)} END LOOP; DROP TYPE {name}__old; END $$"
    )


def converting(table: str, column: str, type_name: str) -> str:
    """Return SQL that changes the type of one column. Values are converted through
    text.
    """
    one = f"a.attrelid = {literal(table)}::regclass AND a.attname = {literal(column)}"
    return (
        f"DO $$ DECLARE place record; preset text; BEGIN "
        f"FOR place IN {PLACES} {one} LOOP {RETYPE.format(type=type_name)} END LOOP; END $$"
    )


def remembering(table: str, column: str | None = None) -> str:
    """Return SQL that records the enum types of a table or a column.

    After the table or column has been dropped, `FORGET` drops those recorded types that
    nothing else uses.
    """
    return REMEMBER.format(table=literal(table), column=literal(column) if column else "NULL")


def _listed(values: Sequence[str]) -> str:
    return ", ".join(map(literal, values))
