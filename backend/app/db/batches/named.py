"""Batches with a name, under which the database stores how far they have come.

After an interruption, a run continues with the next row, even in another process.
"""

from collections.abc import Callable

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from app.db.base import Base
from app.db.insertion import insert_if_absent

from .locked import Work
from .positions import BatchPosition
from .turns import REST, SIZE, Found, Progress, Sessions, key_of, take_turns

UNIQUE = "uq_batch_positions_name"


class AnotherRun(Exception):
    """Another process is running batches with the same name."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"Another process is running `{name}`. Wait until it has finished, or stop it and run "
            "this command again."
        )


def in_named_batches(  # noqa: PLR0913 - each has a suitable default
    sessions: Sessions,
    name: str,
    work: Work,
    model: type[Base],
    *conditions: ColumnElement[bool],
    restart: bool = False,
    size: int = SIZE,
    budget: float | None = None,
    rest: float = REST,
    note: Callable[[Progress], None] | None = None,
) -> Progress:
    """Call `work` with the primary keys of each row that matches, in key order.

    The key of the last row is stored under `name`, in the same transaction as the work.
    So if the run is interrupted, the next run with this name continues after the last
    row, and no row is passed to `work` twice. `Progress.rows` includes the rows of the
    interrupted run. With `restart`, the run begins at the first row instead.

    Unlike `in_batches`, this function waits for rows that another transaction has
    locked, because a skipped row would never be passed to `work`. Raises `AnotherRun`
    if another process is running batches with the same name.
    """
    key = key_of(model)
    progress = _begin(sessions, name, restart=restart)

    def turn(db: Session, last: int | None, wanted: int) -> Found:
        position = _locked_position(db, name)
        if position is None or position.last_key != last:
            raise AnotherRun(name)
        rows = select(key, key).where(*conditions).order_by(key).limit(wanted).with_for_update()
        found = db.execute(rows if last is None else rows.where(key > last)).all()
        if found:
            work(db, [row[0] for row in found])
            position.last_key = found[-1][0]
            position.rows_done += len(found)
        if len(found) < wanted:
            db.delete(position)
        return found

    return take_turns(sessions, turn, progress, size=size, budget=budget, rest=rest, note=note)


def _begin(sessions: Sessions, name: str, *, restart: bool) -> Progress:
    with sessions() as db, db.begin():
        insert_if_absent(db, BatchPosition(name=name), UNIQUE)
        position = _locked_position(db, name)
        if position is None:  # another run with this name has just finished
            raise AnotherRun(name)
        if restart:
            position.last_key, position.rows_done = None, 0
        return Progress(rows=position.rows_done, last=position.last_key)


def _locked_position(db: Session, name: str) -> BatchPosition | None:
    of_this_name = select(BatchPosition).where(BatchPosition.name == name)
    return db.scalars(of_this_name.with_for_update()).one_or_none()
