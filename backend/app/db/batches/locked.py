"""Batches that skip the rows that another transaction has locked.

Rows are taken in the order of `by`, which is the primary key by default. There must be
an index that begins with `by`, or with the columns that the conditions compare for
equality, followed by `by`.
"""

from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Select, delete, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from app.db.base import Base

from .turns import AIM, REST, SIZE, Found, Progress, Sessions, key_of, take_turns

BUDGET = 2.0  # seconds per run, because the thread also has other work

Work = Callable[[Session, Sequence[int]], None]


def in_batches(  # noqa: PLR0913 - each has a suitable default
    sessions: Sessions,
    work: Work,
    model: type[Base],
    *conditions: ColumnElement[bool],
    by: InstrumentedAttribute[Any] | None = None,
    after: Any = None,
    size: int = SIZE,
    budget: float | None = BUDGET,
    aim: float = AIM,
    rest: float = REST,
) -> Progress:
    """Lock at most `size` rows and call `work` with their primary keys. Repeat this
    until no row is left.

    Each call is a transaction. After `budget` seconds no new call begins, but there is
    always at least one call. With `budget=None`, there is no time limit. Rows that
    another transaction has locked are skipped. The size of the batches is adapted so
    that each batch takes about `aim` seconds. If each call of `work` has a fixed cost,
    choose a larger `aim`, because the batches would otherwise become smaller and
    smaller. After each batch, there is a pause that is `rest` times as long as the
    batch.

    If `by` is the primary key, no row is passed to `work` twice, and a run can continue
    after the `Progress.last` of a previous run. With another column, `work` must change
    every row in such a way that the row no longer matches the conditions.
    """

    def turn(db: Session, last: Any, wanted: int) -> Found:
        found = db.execute(_next(model, conditions, by, last, wanted)).all()
        if found:
            work(db, [key for key, _ in found])
        return found

    progress = Progress(last=after)
    return take_turns(sessions, turn, progress, size=size, budget=budget, aim=aim, rest=rest)


def delete_in_batches(
    sessions: Sessions,
    model: type[Base],
    *conditions: ColumnElement[bool],
    by: InstrumentedAttribute[Any] | None = None,
    size: int = SIZE,
    budget: float | None = BUDGET,
) -> Progress:
    """Delete the rows that match the conditions, in the batches of `in_batches`."""
    return in_batches(
        sessions, batch_deletion(model), model, *conditions, by=by, size=size, budget=budget
    )


def batch_deletion(model: type[Base]) -> Work:
    """Return a function that deletes rows of this table by their keys.

    `in_batches` selects the keys first, because MariaDB does not support LIMIT in a
    subquery.
    """
    key = key_of(model)

    def work(db: Session, keys: Sequence[int]) -> None:
        db.execute(
            delete(model).where(key.in_(keys)), execution_options={"synchronize_session": False}
        )

    return work


def _next(
    model: type[Base],
    conditions: Sequence[ColumnElement[bool]],
    by: InstrumentedAttribute[Any] | None,
    last: Any,
    limit: int,
) -> Select[Any, Any]:
    """Lock the next rows, and return the primary key and the `by` value of each row.

    The query begins at the `by` value of the last row, not at the beginning of the
    index. The beginning of the index still has entries of the rows that were just
    deleted, and PostgreSQL would have to skip these entries in every batch. Several
    rows may have the same `by` value, so the value of the last row is included.
    """
    key = key_of(model)
    place = key if by is None else by
    rows = (
        select(key, place)
        .where(*conditions)
        .order_by(place)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    if last is None:
        return rows
    return rows.where(place > last if by is None else place >= last)
