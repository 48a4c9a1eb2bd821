"""The rules for the names of features and fields.

A name that Python, a database, the project or the generated code already uses is
refused.
"""

import builtins
import keyword
import re
from functools import cache

from pydantic import BaseModel
from sqlalchemy.dialects.mysql.base import MySQLDialect
from sqlalchemy.dialects.mysql.mariadb import MariaDBDialect
from sqlalchemy.dialects.postgresql.base import PGDialect
from sqlalchemy.dialects.sqlite.base import SQLiteDialect
from sqlalchemy.engine.default import DefaultDialect

from scaffold.grammar import Token, WrongField
from scaffold.problems import Refused
from scaffold.project import Project
from scaffold.words import camel, plural_of, singular_of

FEATURE = re.compile(r"[a-z]{2,}(_[a-z]+)*")
FIELD = re.compile(r"[a-z](_?[a-z0-9])*")
MAX_NAME = 40
MAX_FEATURE = 30
MAX_IDENTIFIER = 63  # PostgreSQL's maximum; MySQL allows 64

# Builtins that are common column names. They are allowed, because no generated line
# uses such a builtin where a column with the same name would hide it.
HARMLESS = {"format", "hash", "license", "max", "min", "open", "range", "sum", "type"}
EVERY_ROW_HAS = {"id", "created_at", "updated_at", "owner", "owner_id"}
QUERY_HAS = {"cursor", "limit", "offset", "q", "sort"}
IN_CLASSES = {
    "date",
    "datetime",
    "fields",
    "cls",
    "self",
    "changes",
    "metadata",
    "registry",
    "type_annotation_map",
}
IN_CLASSES |= {"literal_column", "mapped_column", "now", "today"}
IN_SLUG_ROUTES = {"db", "owner", "service", "user"}
IN_FUNCTIONS = {
    "answer",
    "base",
    "body",
    "client",
    "count",
    "data",
    "db",
    "filters",
    "name",
    "owner",
    "page",
    "path",
}
IN_FUNCTIONS |= {
    "request",
    "response",
    "router",
    "select",
    "service",
    "statement",
    "status",
    "user",
    "users",
    "value",
}
OF_THE_HOUSE = {
    "admin",
    "api",
    "dev",
    "docs",
    "health",
    "metrics",
    "openapi",
    "platform",
    "redoc",
    "static",
}
# Words that SQLite, PostgreSQL or MariaDB reserves, but that SQLAlchemy would not
# quote.
UNQUOTED = {
    "collation",
    "concurrently",
    "nothing",
    "portion",
    "tablesample",
    "delete_domain_id",
    "do_domain_ids",
}
UNQUOTED |= {
    "ignore_domain_ids",
    "master_demote_to_replica",
    "master_demote_to_slave",
    "page_checksum",
}
UNQUOTED |= {
    "parse_vcol_expr",
    "ref_system_id",
    "stats_auto_recalc",
    "stats_persistent",
    "stats_sample_pages",
}
SHAPES = ("Create", "Update", "Read")
SUFFIXES = {*SHAPES, "Filters", "NotFound", "Sort"}


@cache
def reserved_words() -> frozenset[str]:
    """Return the reserved words of all databases."""
    dialects: list[type[DefaultDialect]] = [PGDialect, MySQLDialect, MariaDBDialect, SQLiteDialect]
    return frozenset(UNQUOTED).union(*(dialect.preparer.reserved_words for dialect in dialects))


def names_of(name: str, plural: str | None) -> tuple[str, str]:
    """Return the singular and the plural of a name.

    Raises `Refused` if either is invalid.
    """
    for given in (name, plural or name):
        if not FEATURE.fullmatch(given) or len(given) > MAX_FEATURE:
            raise Refused(
                f"{given!r} cannot be the name of a feature. Use 2 to {MAX_FEATURE} lower-case "
                "letters, with words joined by _, such as invoices or order_lines."
            )
    if plural:
        return name, plural
    one = singular_of(name)
    return (one, name) if one else (name, plural_of(name))


def check_feature(singular: str, plural: str, project: Project, *, nested: bool = False) -> None:
    """Raise `Refused` if the name is taken.

    The path of a `nested` feature is below the path of another feature.
    """
    for name in (singular, plural):
        if keyword.iskeyword(name) or keyword.issoftkeyword(name):
            raise Refused(f"{name!r} is a word of Python. Choose another name.")
        if name in dir(builtins) or name in IN_FUNCTIONS:
            raise Refused(
                f"{name!r} would hide a name that the code uses. Choose a longer name, such as "
                f"{_longer(plural)}."
            )
    if plural in reserved_words():
        raise Refused(
            f"{plural!r} is a reserved word of a database. Choose a longer name, such as "
            f"{_longer(plural)}."
        )
    path = plural.replace("_", "-")
    for known, what in (
        (project.features, "a feature"),
        (project.tables, "a table"),
        (OF_THE_HOUSE | project.folders, "a part of the project or its tests"),
        ({page.replace("-", "_") for page in project.pages}, "a list of the admin"),
    ):
        if plural in known:
            raise Refused(f"{plural!r} is already {what}. Nothing was changed.")
    if path in project.paths and not nested:
        raise Refused(f"/{path} is already a route. Choose another name.")
    for suffix in SHAPES:
        if camel(singular) + suffix in project.shapes:
            raise Refused(
                f"OpenAPI already has a {camel(singular)}{suffix}. A second one would rename it "
                f"for every client. Choose a longer name, such as {_longer(plural)}."
            )


def _longer(plural: str) -> str:
    return f"my_{plural}"


def check_field(token: Token) -> None:
    """Raise `WrongField` if the name of the field cannot be used."""
    name = token.name
    if not FIELD.fullmatch(name) or len(name) > MAX_NAME:
        raise WrongField(
            token.text,
            f"the name of a field has at most {MAX_NAME} lower-case letters, digits and single _",
        )
    column = f"{name}_id" if token.kind == "ref" else name
    if keyword.iskeyword(name):
        raise WrongField(token.text, f"{name!r} is a word of Python")
    if reason := _taken(column):
        raise WrongField(token.text, f"{column!r} {reason}")
    if token.kind in ("str", "decimal", "enum") and camel(name) in SUFFIXES:
        raise WrongField(token.text, f"{name!r} would have the name of a schema of the feature")


def _taken(name: str) -> str | None:
    hides = name in IN_CLASSES or (name in dir(builtins) and name not in HARMLESS)
    reasons = {
        "is a word of Python": keyword.iskeyword(name)
        or (keyword.issoftkeyword(name) and name not in HARMLESS),
        "is a column that every row has": name in EVERY_ROW_HAS,
        "is a parameter of every list": name in QUERY_HAS,
        "is a reserved word of a database": name in reserved_words(),
        "would hide a name that the code uses": hides,
        "means something else to pydantic": hasattr(BaseModel, name) or name.startswith("model_"),
    }
    return next((reason for reason, applies in reasons.items() if applies), None)
