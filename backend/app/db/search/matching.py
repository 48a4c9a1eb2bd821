"""The condition that a row matches a search."""

from typing import Any

from sqlalchemy import Boolean, ColumnElement, Dialect, Select, String, bindparam, false
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import InstrumentedAttribute
from sqlalchemy.sql import visitors
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeDecorator

from app.core import search_dialects, search_text
from app.core.config import get_settings
from app.core.search_text import Query
from app.db.lists import Condition

from .indexes import index_name

WRITERS = {
    "postgresql": search_dialects.tsquery_of,
    "mysql": search_dialects.boolean_mode_of,
    "mariadb": search_dialects.boolean_mode_of,
    "sqlite": search_dialects.fts5_of,
}


class SearchQuery(TypeDecorator[Query]):
    """A search query, written in the query language of the database."""

    impl = String
    cache_ok = True

    def process_bind_param(self, value: Query | None, dialect: Dialect) -> str | None:
        return None if value is None else WRITERS[dialect.name](value)


class Matches(FunctionElement[bool]):
    """The condition that `column` contains all phrases of a query.

    On SQLite, the primary keys of these rows are found in the table of FTS5.
    """

    type = Boolean()
    inherit_cache = True
    # Without this line, SQLAlchemy would add `= 1`, and MySQL would find no row.
    _is_implicitly_boolean = True

    def __init__(self, column: Any, query: Query) -> None:
        super().__init__(column, bindparam(None, query, type_=SearchQuery(), unique=True))


def matches(column: InstrumentedAttribute[Any]) -> Condition:
    """Return a filter that finds the rows whose `searchable` column matches a text."""
    return lambda text: matching_rows(column, query_for(text))


def query_for(text: str) -> Query:
    """Return the query for a text. A text without any word gives an empty query."""
    return search_text.parse_query(text, get_settings().search_language or "")


def matching_rows(column: Any, query: Query) -> ColumnElement[bool]:
    """Return the condition for the rows that match. An empty query matches no row."""
    return Matches(column, query) if query else false()


def is_search(statement: Select[Any]) -> bool:
    """Return whether a condition of this statement is a search."""
    return any(isinstance(part, Matches) for part in visitors.iterate(statement))


@compiles(Matches, "postgresql")
def _postgresql(match: Matches, compiler: SQLCompiler, **options: Any) -> str:
    column, query = (compiler.process(part, **options) for part in match.clauses)
    return f"{column} @@ CAST({query} AS tsquery)"


@compiles(Matches, "mysql", "mariadb")
def _mysql(match: Matches, compiler: SQLCompiler, **options: Any) -> str:
    column, query = (compiler.process(part, **options) for part in match.clauses)
    return f"MATCH ({column}) AGAINST ({query} IN BOOLEAN MODE)"


@compiles(Matches, "sqlite")
def _sqlite(match: Matches, compiler: SQLCompiler, **options: Any) -> str:
    column, query = match.clauses
    (stored,) = column.base_columns
    index = index_name(stored.table.name)
    (key,) = (column.table.corresponding_column(one) for one in stored.table.primary_key)
    keys = f"SELECT rowid FROM {index} WHERE {index} MATCH {compiler.process(query, **options)}"  # noqa: S608 - the name of our own table
    return f"{compiler.process(key, **options)} IN ({keys})"
