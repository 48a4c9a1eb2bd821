"""Makes slugs from a text, with a number if the slug is taken: `first-light-2`."""

import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from sqlalchemy import CheckConstraint, ColumnElement, inspect, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from app.core.errors import AppError

from .base import Base
from .errors import conflicts
from .locks import wait_for_turn

# The maximum number of free slugs to try. While the lock is held, only a client that
# chooses the same slug itself can take the slug first.
TRIES = 3
BLOCK = 100  # slugs per query
# The last number has ten digits. Every generated slug is short enough for these.
DOUBLED = [BLOCK * 2**power for power in range(1, 26)]

Constraints = Mapping[str, type[AppError]]


def insert_with_slug(
    db: Session,
    row: Base,
    column: InstrumentedAttribute[str],
    base: str,
    constraints: Constraints,
    *within: ColumnElement[bool],
) -> None:
    """Insert `row` with its own slug, or with a free slug made from `base`.

    Generated slugs are `base`, `base-2` and so on. Slugs are unique among the rows that
    match `within`. Raises the error of the slug's unique constraint if the row's own
    slug is taken, or if other requests took the generated slug first in all `TRIES`
    attempts.
    """
    if getattr(row, column.key) is not None:
        _write(db, row, constraints)
    elif not _wrote_as(db, row, column, base, constraints):
        _try_free_ones(db, row, column, base, constraints, *within)


def _wrote_as(  # the usual case, which needs neither a lock nor a search
    db: Session, row: Base, column: InstrumentedAttribute[str], slug: str, constraints: Constraints
) -> bool:
    """Insert the row with this slug if it is free, and return whether it was inserted.

    On MySQL and MariaDB, the function always returns false and inserts nothing. In
    these databases, a transaction whose INSERT found a duplicate keeps a lock for which
    other transactions wait (`wait_for_turn`).
    """
    if db.get_bind().dialect.name == "mysql":
        return False
    setattr(row, column.key, slug)
    with suppress(_taken(column, constraints)):
        _write(db, row, constraints)
        return True
    return False


def renew_slug(
    db: Session,
    row: Base,
    column: InstrumentedAttribute[str],
    base: str,
    constraints: Constraints,
    *within: ColumnElement[bool],
) -> None:
    """Give a stored row a slug made from `base` that no other row has.

    Flush other changes to the row first. Raises what `insert_with_slug` raises, and
    `StaleDataError` if the row has been deleted.
    """
    state = inspect(row)
    assert state.identity
    others = (
        key != value for key, value in zip(state.mapper.primary_key, state.identity, strict=True)
    )
    _try_free_ones(db, row, column, base, constraints, *within, *others)


def wants_new_slug(changes: dict[str, Any], name: str) -> bool:
    """Return whether an update sets the slug `name` to null.

    If so, the slug is removed from `changes`.
    """
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
    """Return the error of the slug's own constraint.

    The constraint is found by its columns, because the name of another column may have
    the same ending.
    """
    table = inspect(column.class_).local_table
    unique = [one for one in (*table.constraints, *table.indexes) if getattr(one, "unique", True)]
    own = (
        str(one.name)
        for one in unique
        if not isinstance(one, CheckConstraint) and column.key in one.columns
    )
    return next(constraints[name] for name in own if name in constraints)


def _write(db: Session, row: Base, constraints: Constraints) -> None:
    with db.begin_nested(), conflicts(constraints):
        db.add(row)
        db.flush()


def _free(
    db: Session,
    column: InstrumentedAttribute[str],
    base: str,
    within: Sequence[ColumnElement[bool]],
) -> str:
    def taken(numbers: Iterable[int]) -> set[int]:
        slugs = {_numbered(base, number): number for number in numbers}
        return {
            slugs[found] for found in db.scalars(select(column).where(column.in_(slugs), *within))
        }

    return _numbered(base, first_free(taken))


def _numbered(base: str, number: int) -> str:
    return base if number == 1 else f"{base}-{number}"


def first_free(taken: Callable[[Iterable[int]], set[int]]) -> int:
    """Return a number that is not taken, with a few queries of `BLOCK` numbers each.

    The number is either 1, or the number before it is taken. If it is beyond the first
    block, smaller numbers may be free, too. One query tries all numbers in `DOUBLED`.
    Further queries narrow the gap between the last taken number and the first free
    number.
    """
    low, high = 0, BLOCK + 1
    numbers: Sequence[int] = range(1, BLOCK + 1)
    gone = taken(numbers)
    if len(gone) == BLOCK:
        numbers, gone = DOUBLED, taken(DOUBLED)
        # This number is used if all of `DOUBLED` are taken.
        low, high = BLOCK, DOUBLED[-1] + secrets.randbelow(DOUBLED[-1])
    while True:
        free = next(
            (index for index, number in enumerate(numbers) if number not in gone), len(numbers)
        )
        low = numbers[free - 1] if free else low
        high = numbers[free] if free < len(numbers) else high
        if high - low <= 1 or (numbers is DOUBLED and free == len(numbers)):
            return high
        step = -((low - high) // (BLOCK + 1))
        numbers = range(low + step, high, step)
        gone = taken(numbers)
