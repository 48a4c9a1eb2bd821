"""Timelines in a table."""

from collections.abc import Collection, Sequence
from datetime import date, datetime

from sqlalchemy import ColumnElement, Date, Select, and_, func, insert, select
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import Session
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from app.db.batches import delete_in_batches
from app.db.database import WorkerSession

from .events import Counts, Event, Wanted, words_of
from .models import MAX_WORDS, Activity

SEARCHED = 10_000
"""The number of newest events that a search reads. The limit keeps searches fast."""


class SqlStore:
    def __init__(self, db: Session) -> None:
        self._db = db

    def add(self, events: Sequence[Event]) -> None:
        known = select(Activity.id).where(Activity.id.in_([event.id for event in events]))
        present = set(self._db.scalars(known))
        rows = [_row(event) for event in events if event.id not in present]
        if rows:
            self._db.execute(insert(Activity), rows)

    def newest(self, user_id: int, wanted: Wanted, limit: int) -> list[Event]:
        if wanted.words == []:
            return []
        rows = _timeline(user_id).where(*_conditions(user_id, wanted)).limit(limit)
        return [Event.of(row) for row in self._db.scalars(rows)]

    def counts(self, user_id: int, since: datetime, without: Collection[int]) -> Counts:
        day = _day(Activity.created_at)
        counted = (
            select(day, Activity.kind, func.count())
            .where(
                Activity.user_id == user_id,
                Activity.created_at >= since,
                Activity.id.not_in(without),
            )
            .group_by(day, Activity.kind)
        )
        return {(on, kind): count for on, kind, count in self._db.execute(counted)}

    def erase(self, user_id: int) -> bool:
        """Erase the user's events in batches. Each batch is a separate transaction."""
        return delete_in_batches(WorkerSession, Activity, Activity.user_id == user_id).finished


def _row(event: Event) -> dict[str, object]:
    words = " ".join(words_of(event.summary))
    return {
        "id": event.id,
        "user_id": event.user_id,
        "kind": event.kind,
        "summary": event.summary,
        "words": f" {words[: MAX_WORDS - 2]} ",  # each word has a space before and after it
        "data": event.data,
        "created_at": event.created_at,
    }


def _timeline(user_id: int) -> Select[Activity]:
    return select(Activity).where(Activity.user_id == user_id).order_by(Activity.id.desc())


def _conditions(user_id: int, wanted: Wanted) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if wanted.kind is not None:
        found.append(Activity.kind == wanted.kind.value)
    if wanted.before is not None:
        found.append(Activity.id < wanted.before)
    if wanted.words is not None:
        oldest = _timeline(user_id).with_only_columns(Activity.id).offset(SEARCHED - 1).limit(1)
        # Words consist of letters and digits, so there is nothing to escape.
        patterns = (Activity.words.like(f"% {word} %") for word in wanted.words)
        found.append(and_(Activity.id >= func.coalesce(oldest.scalar_subquery(), 0), *patterns))
    return found


class _day(FunctionElement[date]):  # noqa: N801 - a function of SQL
    """The day of a time, in UTC."""

    type = Date()
    inherit_cache = True


@compiles(_day)
def _date(element: _day, compiler: SQLCompiler, **options: object) -> str:
    # The sessions of PostgreSQL and MySQL use UTC, and SQLite stores times in UTC.
    return f"date({compiler.process(element.clauses, **options)})"
