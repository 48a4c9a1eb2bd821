"""The newest hits of a search, and how relevant each one is.

Only the newest `MOST` hits are ranked. So the cost hardly depends on how common the
words are, if PostgreSQL uses the right plan:

| Plan | For words that are | What is read |
|---|---|---|
| `INDEX` | rare | all hits, by the index of the words |
| `ORDER` | common | the newest rows in order, until enough of them match |
| `BOTH` | in between | the hits among the newest rows, by both indexes |

PostgreSQL itself would choose the wrong plan for words that rarely occur together or
next to each other. It would expect many hits, and read the whole table in order. So
`ORDER` and `BOTH` read only a limited number of rows. If too few of these rows match,
the search is repeated with `INDEX`.
"""

from collections.abc import Sequence
from enum import StrEnum, auto
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Float, Select, case, cast, func, select, text
from sqlalchemy.orm import InstrumentedAttribute, Session

from app.core.search_dialects import tsquery_of, tsquery_without_pairs
from app.core.search_text import Phrase, Query

from .matching import matching_rows

MOST = 1_000  # maximum number of hits that are ranked and counted
EXPECTED = 1_250  # so many rows are read that this number of hits is expected among them
# The cost of each step in microseconds, measured in a table with a million posts.
ROW = 1.0  # to read the next row in order, and compare it with the query
HIT = 5.0  # to read a row that an index has found
ENTRY = 0.2  # to read the index entry of one of the newest rows, for both queries of `BOTH`
MATCH = 0.6  # to find a hit in the index of the words, without reading the row
FIRST_FIELD = 10.0  # score of a phrase in the first field; in other fields it is at most 1
COUNTED = 20_000  # occurrences are counted only in this many characters of the tokens


class Plan(StrEnum):
    INDEX = auto()
    ORDER = auto()
    BOTH = auto()


class Search(NamedTuple):
    """A search in the rows of `statement`.

    `newest` are the columns that sort the rows from newest to oldest. The last one is
    the primary key.
    """

    statement: Select[Any]
    column: InstrumentedAttribute[Any]
    query: Query
    newest: Sequence[InstrumentedAttribute[Any]]


def ranked(db: Session, search: Search) -> tuple[list[int], int | None]:
    """Return the keys of the newest `MOST` hits, the most relevant first.

    Hits of the same score keep their order, the newest first. The second value is the
    number of all hits, or `None` if there are more than `MOST`.
    """
    plan, newest = plan_for(db, search)
    rows: Sequence[Any] = []
    if plan != Plan.INDEX:
        some = (_in_window if plan == Plan.ORDER else _by_both)(db, search, newest)
        rows = db.execute(_scored(db, search, some)).all()
    if len(rows) <= MOST:
        rows = db.execute(_scored(db, search, _by_index(db, search))).all()
    best = sorted(rows[:MOST], key=lambda row: row.score, reverse=True)
    return [row.key for row in best], None if len(rows) > MOST else len(rows)


def plan_for(db: Session, search: Search) -> tuple[Plan, int]:
    """Return the cheapest plan, and how many of the newest rows should be enough.

    PostgreSQL estimates the numbers of hits and rows. Other databases have no estimate,
    and always use the index of the words.
    """
    if db.get_bind().dialect.name != "postgresql":
        return Plan.INDEX, 0
    (column,) = search.column.base_columns
    explain = text(
        f"EXPLAIN (FORMAT JSON) SELECT 1 FROM {column.table} "  # noqa: S608 - names of the model
        f"WHERE {column.name} @@ CAST(:query AS tsquery) UNION ALL SELECT 1 FROM {column.table}"
    )
    ((plan,),) = db.execute(explain, {"query": tsquery_of(search.query)})
    return cheapest(*(part["Plan Rows"] for part in plan[0]["Plan"]["Plans"]))


def cheapest(hits: int, rows: int) -> tuple[Plan, int]:
    newest = EXPECTED * rows // hits
    costs = {
        Plan.INDEX: HIT * hits,
        Plan.ORDER: ROW * newest,
        Plan.BOTH: ENTRY * newest + HIT * EXPECTED + MATCH * hits,
    }
    return min(costs, key=lambda plan: costs[plan]), newest


def _by_index(db: Session, search: Search, *also: ColumnElement[bool]) -> Select[Any]:
    """Select the newest hits, by the index of the words.

    `OFFSET 0` makes PostgreSQL find all hits before it sorts them.
    """
    hits = search.statement.where(matching_rows(search.column, search.query), *also)
    wanted = hits.with_only_columns(*_keys(search)).order_by(None)
    if db.get_bind().dialect.name == "postgresql":
        fenced = wanted.offset(0).subquery()
        return select(fenced).order_by(*_newest_of(fenced)).limit(MOST + 1)
    return wanted.order_by(*_newest_first(search)).limit(MOST + 1)


def _by_both(db: Session, search: Search, newest: int) -> Select[Any]:
    """Select the newest hits among the newest rows, by both indexes.

    The sort value of the last of these rows is read first. PostgreSQL can then use the
    value in its estimate.
    """
    first = search.newest[0]
    rows = search.statement.with_only_columns(first).order_by(None)
    end = db.scalar(rows.order_by(*_newest_first(search)).offset(newest).limit(1))
    return _by_index(db, search, *([] if end is None else [first >= end]))


def _in_window(_db: Session, search: Search, newest: int) -> Select[Any]:
    """Select the newest hits among the newest rows, without the index of the words."""
    window = (
        search.statement.with_only_columns(*_keys(search), search.column.label("tokens"))
        .order_by(None)
        .order_by(*_newest_first(search))
        .limit(newest)
        .subquery()
    )
    hits = select(window).where(matching_rows(window.c.tokens, search.query))
    return hits.limit(MOST + 1)


def _newest_first(search: Search) -> list[ColumnElement[Any]]:
    return [key.desc() for key in search.newest]


def _keys(search: Search) -> list[ColumnElement[Any]]:
    """Return the columns of `newest`, under names that do not depend on the model."""
    return [key.label(f"newest_{place}") for place, key in enumerate(search.newest)]


def _newest_of(hits: Any) -> list[ColumnElement[Any]]:
    return [column.desc() for column in hits.c if column.name.startswith("newest_")]


def _scored(db: Session, search: Search, hits: Select[Any]) -> Select[Any]:
    """Select the key and the score of each hit, the newest first."""
    found = hits.subquery()
    (column,) = search.column.base_columns
    own = column.table.alias()
    key = found.c[f"newest_{len(search.newest) - 1}"]
    score = _score(db.get_bind().dialect.name, own.c[column.name], search.query)
    return (
        select(key.label("key"), score.label("score"))
        .join_from(found, own, own.c[search.newest[-1].name] == key)
        .order_by(*_newest_of(found))
    )


def _score(dialect: str, tokens: ColumnElement[Any], query: Query) -> ColumnElement[Any]:
    """Return the score of a row.

    PostgreSQL computes the score from the weights of the tokens. For the other
    databases, the statement computes the score from the text of the tokens.
    """
    if dialect != "postgresql":
        first, *others = (_occurrences(tokens, phrase) for phrase in query)
        return sum(others, first)
    from sqlalchemy.dialects.postgresql import TSQUERY

    return func.ts_rank(tokens, cast(tsquery_without_pairs(query), TSQUERY), type_=Float)


def _occurrences(tokens: ColumnElement[Any], phrase: Phrase) -> ColumnElement[Any]:
    """Return the score for one phrase.

    Each token stands between two spaces. The first line holds the tokens of the first
    field.
    """
    wanted = f" {' '.join(phrase.tokens)}{'' if phrase.prefix else ' '}"
    first_field = func.substr(tokens, 1, func.instr(tokens, "\n"))
    body = func.substr(tokens, 1, COUNTED)
    rest = func.length(func.replace(body, wanted, ""), type_=Float)
    count = (func.length(body, type_=Float) - rest) * (1 / len(wanted))
    return count / (count + 1.0) + case((first_field.contains(wanted), FIRST_FIELD), else_=0.0)
