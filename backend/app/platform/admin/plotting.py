"""Data for plots, read from a bounded number of rows."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

from sqlalchemy import ColumnElement, String, func, select, type_coerce
from sqlalchemy.orm import InstrumentedAttribute, Session

from app.db import clock

NEWEST = 50_000
"""How many of a table's newest rows a plot looks at."""


def per_day(
    db: Session,
    column: InstrumentedAttribute[Any],
    days: int,
    *which: ColumnElement[bool],
    total: ColumnElement[Any] | None = None,
) -> list[tuple[str, float]]:
    """Count the rows of each of the last `days` days in UTC, by their time in `column`.

    With `total`, add up that column instead. Only the `NEWEST` rows of the table are
    read.
    """
    model = column.class_
    ids = select(model.id).order_by(model.id.desc())
    oldest = db.scalar(ids.offset(NEWEST - 1).limit(1)) or 0
    day = _day(db, column)
    value = func.count() if total is None else func.sum(total)
    recent = select(day, value).where(model.id >= oldest)
    counted = recent.where(column > clock.now(-timedelta(days=days)), *which).group_by(day)
    found = {str(key): float(number or 0) for key, number in db.execute(counted)}
    today = clock.read_database_time(db).date()
    return [(f"{one:%b} {one.day}", found.get(one.isoformat(), 0.0)) for one in _days(today, days)]


def _days(today: date, number: int) -> Sequence[date]:
    return [today - timedelta(days=back) for back in range(number - 1, -1, -1)]


def _day(db: Session, at: InstrumentedAttribute[Any]) -> ColumnElement[str]:
    """Return the date of a time in UTC, as `2026-11-30`."""
    dialect = db.get_bind().dialect.name
    if dialect == "postgresql":
        return func.to_char(func.timezone("UTC", at), "YYYY-MM-DD")
    text = type_coerce(at, String)
    return func.substr(text, 1, 10) if dialect == "sqlite" else func.date_format(at, "%Y-%m-%d")
