"""A slug that is made from a text gives way to taken ones: `first-light`, `first-light-2` and so on."""

import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from sqlalchemy import CheckConstraint, ColumnElement, inspect, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from app.core.errors import AppError
from app.db.base import Base
from app.db.errors import conflicts
from app.db.turns import wait_for_turn

TRIES = 3  # who has the turn loses only to slugs that were asked for
BLOCK = 100  # how many are looked up at once
DOUBLED = [BLOCK * 2**power for power in range(1, 26)]  # the last has ten digits, for which every slug has room

Constraints = Mapping[str, type[AppError]]


def insert_with_slug(
    db: Session,
    row: Base,
    column: InstrumentedAttribute[str],
    base: str,
    constraints: Constraints,
    *within: ColumnElement[bool],
) -> None:
    """Insert `row` under the slug that it has, or else under the first free one of `base`, `base-2` and so on.

    `within` are the rows among which slugs differ. Raises the error of the slug's unique constraint for one that the
    row came with, and where others were quicker again and again.
    """
    if getattr(row, column.key) is not None:
        _write(db, row, constraints)
        return
    _try_free_ones(db, row, column, base, constraints, *within)


def renew_slug(
    db: Session,
    row: Base,
    column: InstrumentedAttribute[str],
    base: str,
    constraints: Constraints,
    *within: ColumnElement[bool],
) -> None:
    """Give a stored row the first slug of `base`, `base-2` and so on that no other row has.

    Whatever else has changed in the row must be flushed before. Raises as `insert_with_slug` does, and
    `StaleDataError` for a row that was deleted meanwhile.
    """
    state = inspect(row)
    assert state.identity
    others = (key != value for key, value in zip(state.mapper.primary_key, state.identity, strict=True))
    _try_free_ones(db, row, column, base, constraints, *within, *others)


def wants_new_slug(changes: dict[str, Any], name: str) -> bool:
    """Whether an update has a null for the slug `name`. The null is taken out of its `changes`."""
    return name in changes and changes[name] is None and changes.pop(name) is None


def _try_free_ones(
    db: Session,
    row: Base,
    column: InstrumentedAttribute[str],
    base: str,
    constraints: Constraints,
    *within: ColumnElement[bool],
) -> None:
    taken = _taken(column, constraints)
    wait_for_turn(db, column, base)
    for _ in range(TRIES):
        setattr(row, column.key, _free(db, column, base, within))
        with suppress(taken):
            _write(db, row, constraints)
            return
    raise taken


def _taken(column: InstrumentedAttribute[str], constraints: Constraints) -> type[AppError]:
    """The error of the slug's own constraint: another column's name may end like it."""
    table = inspect(column.class_).local_table
    unique = [one for one in (*table.constraints, *table.indexes) if getattr(one, "unique", True)]
    own = (str(one.name) for one in unique if not isinstance(one, CheckConstraint) and column.key in one.columns)
    return next(constraints[name] for name in own if name in constraints)


def _write(db: Session, row: Base, constraints: Constraints) -> None:
    with db.begin_nested(), conflicts(constraints):
        db.add(row)
        db.flush()


def _free(db: Session, column: InstrumentedAttribute[str], base: str, within: Sequence[ColumnElement[bool]]) -> str:
    def taken(numbers: Iterable[int]) -> set[int]:
        slugs = {_numbered(base, number): number for number in numbers}
        return {slugs[found] for found in db.scalars(select(column).where(column.in_(slugs), *within))}

    return _numbered(base, first_free(taken))


def _numbered(base: str, number: int) -> str:
    return base if number == 1 else f"{base}-{number}"


def first_free(taken: Callable[[Iterable[int]], set[int]]) -> int:
    """A number that is not taken, by a handful of questions about `BLOCK` numbers each, however many are taken.

    It is 1, or the one before it is taken. Behind the first block it need not be the very first, where there are gaps:
    `DOUBLED` are tried at once, then the gap between the last taken and the first free one of them is narrowed down.
    """
    low, high = 0, BLOCK + 1
    numbers: Sequence[int] = range(1, BLOCK + 1)
    gone = taken(numbers)
    if len(gone) == BLOCK:
        numbers, gone = DOUBLED, taken(DOUBLED)
        low, high = BLOCK, DOUBLED[-1] + secrets.randbelow(DOUBLED[-1])  # if somebody took all: that one is not
    while True:
        free = next((index for index, number in enumerate(numbers) if number not in gone), len(numbers))
        low = numbers[free - 1] if free else low
        high = numbers[free] if free < len(numbers) else high
        if high - low <= 1 or (numbers is DOUBLED and free == len(numbers)):
            return high
        step = -((low - high) // (BLOCK + 1))
        numbers = range(low + step, high, step)
        gone = taken(numbers)
