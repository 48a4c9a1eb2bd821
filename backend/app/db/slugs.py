"""A slug that is made from a text gives way to taken ones: `first-light`, `first-light-2` and so on."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from itertools import chain, count, islice

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from app.core.errors import AppError
from app.db.base import Base
from app.db.errors import conflicts
from app.db.turns import wait_for_turn

TRIES = 3  # who has the turn loses only to slugs that were asked for
BLOCK = 100  # how many are looked up at once

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
        _insert(db, row, constraints)
        return
    taken = next(error for name, error in constraints.items() if name.startswith("uq_") and name.endswith(column.key))
    wait_for_turn(db, column, base)
    for _ in range(TRIES):
        setattr(row, column.key, _free(db, column, base, within))
        with suppress(taken):
            _insert(db, row, constraints)
            return
    raise taken


def _insert(db: Session, row: Base, constraints: Constraints) -> None:
    with db.begin_nested(), conflicts(constraints):
        db.add(row)
        db.flush()


def _free(db: Session, column: InstrumentedAttribute[str], base: str, within: Sequence[ColumnElement[bool]]) -> str:
    candidates = chain([base], (f"{base}-{number}" for number in count(2)))
    while True:
        block = list(islice(candidates, BLOCK))
        taken = set(db.scalars(select(column).where(column.in_(block), *within)))
        if free := next((slug for slug in block if slug not in taken), None):
            return free
