"""Dead letters, for operators: what workers have given up, and how they take it up again.

Every table of leased work takes part (`leases.py`); a letter is called by table and id, such as `mail:12`.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from .leases import Leased, revive

WORD = re.compile(r"""([^\s<>()"',;:@])[^\s<>()"',;:@]*+(@?)""")


class NoSuchLetter(LookupError):
    """Nothing of this name is dead."""


@dataclass(frozen=True)
class DeadLetter:
    """`about` and `reason` name no mail address in full: what is printed ends up in tickets and chats."""

    name: str
    about: str
    reason: str
    attempts: int
    since: datetime


def list_dead_letters(db: Session) -> list[DeadLetter]:
    """Those that died first come first."""
    found = [
        DeadLetter(
            name=f"{table}:{row.id}",
            about=_masked(", ".join(str(getattr(row, column)) for column in row.about)),
            reason=_masked(row.last_error or ""),
            attempts=row.attempts,
            since=row.dead_at,
        )
        for table, model in _tables().items()
        for row in db.scalars(select(model).where(model.is_dead_letter()))
        if row.dead_at
    ]
    return sorted(found, key=lambda letter: (letter.since, letter.name))


def requeue(db: Session, names: Iterable[str]) -> int:
    """Have these worked on again, for a whole day of tries. How many. Raises `NoSuchLetter` if one is not dead."""
    return sum(_requeue_one(db, name) for name in set(names))


def requeue_all(db: Session) -> int:
    return sum(revive(db, model) for model in _tables().values())


def _requeue_one(db: Session, name: str) -> int:
    table, _, number = name.partition(":")
    model = _tables().get(table)
    known = model is not None and number.isascii() and number.isdigit() and len(number) < 19  # noqa: PLR2004 - 64 bits
    if model is None or not known or not revive(db, model, model.id == int(number)):
        raise NoSuchLetter(name)
    return 1


def _tables() -> dict[str, type[Leased]]:
    return {model.__name__.lower(): model for model in Leased.__subclasses__()}


def _masked(text: str) -> str:
    return WORD.sub(lambda word: f"{word[1]}…@" if word[2] else word[0], text)
