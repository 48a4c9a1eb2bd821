"""Dead letters: jobs and emails that have failed for good, and functions to revive
them.

A dead letter is a row of any table of leased work (`leases.py`). Its name consists of
its table and id, such as `mail:12`.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from app.core.text import mask_emails
from app.db.batches import in_batches
from app.db.database import SessionLocal
from app.db.totals import count_up_to

from .leases import Leased, revive_dead_letters

SHOWN = 100
COUNTED = 10_000


class NoSuchLetter(LookupError):
    """No dead letter has this name."""


@dataclass(frozen=True)
class DeadLetter:
    """A dead letter, as operators see it.

    `about` and `reason` contain no complete email address, because operators copy this
    text into tickets and chats.
    """

    name: str
    about: str
    reason: str
    attempts: int
    since: datetime


def list_dead_letters(db: Session) -> list[DeadLetter]:
    """Return the newest `SHOWN` dead letters, oldest first."""
    found = [
        DeadLetter(
            name=f"{table}:{row.id}",
            about=mask_emails(", ".join(str(getattr(row, column)) for column in row.about)),
            reason=mask_emails(row.last_error or ""),
            attempts=row.attempts,
            since=row.dead_at,
        )
        for table, model in _tables().items()
        for row in db.scalars(
            _dead(model).order_by(model.dead_at.desc(), model.id.desc()).limit(SHOWN)
        )
        if row.dead_at
    ]
    return sorted(found, key=lambda letter: (letter.since, letter.name))[-SHOWN:]


def count_dead_letters(db: Session) -> int:
    """Return the number of dead letters. At most `COUNTED` per table are counted."""
    return sum(count_up_to(db, _dead(model), COUNTED) for model in _tables().values())


def requeue_dead_letters(db: Session, names: Iterable[str]) -> int:
    """Make these dead letters due again, and return their number.

    If they keep failing, they are retried for a full day before they are dead letters
    again. Raises `NoSuchLetter` if one of the names belongs to no dead letter.
    """
    return sum(_requeue_one(db, name) for name in set(names))


def requeue_all() -> int:
    """Revive all dead letters, in batches. Each batch is a separate transaction.

    A letter that becomes dead again during the run is not revived again.
    """
    return sum(_requeue_table(model) for model in _tables().values())


def _requeue_table(model: Any) -> int:
    def work(db: Session, ids: Sequence[int]) -> None:
        revive_dead_letters(db, model, model.id.in_(ids))

    with SessionLocal() as db:
        newest = db.scalar(select(func.max(model.dead_at)))
    if newest is None:
        return 0
    dead = (model.is_dead_letter(), model.dead_at <= newest)
    return in_batches(SessionLocal, work, model, *dead, by=model.dead_at, budget=None).rows


def _requeue_one(db: Session, name: str) -> int:
    table, _, number = name.partition(":")
    model = _tables().get(table)
    known = model is not None and number.isascii() and number.isdigit() and len(number) < 19  # noqa: PLR2004 - 64 bits
    if model is None or not known or not revive_dead_letters(db, model, model.id == int(number)):
        raise NoSuchLetter(name)
    return 1


def _dead(model: type[Leased]) -> Select[Leased]:
    return select(model).where(model.is_dead_letter())


def _tables() -> dict[str, type[Leased]]:
    return {model.__name__.lower(): model for model in Leased.__subclasses__()}
