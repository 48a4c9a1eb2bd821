"""Leases on rows that hold work. Each row belongs to one worker at a time.

A worker takes a row for the time of a lease. If the worker dies, the lease expires and
another worker takes the row, so no row is forgotten. All times come from the clock of
the database. Otherwise a worker whose clock is ahead would take rows whose lease has
not expired.
"""

import random
import traceback
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar, TypeVar, cast
from uuid import uuid4

from sqlalchemy import ColumnElement, CursorResult, String, delete, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from app.core.logging import get_logger, scrub_for_log
from app.db import clock
from app.db.types import PrimaryKey

# A row that still fails this long after it was first due becomes a dead letter.
PATIENCE = timedelta(hours=24)
NEVER = datetime(9999, 1, 1, tzinfo=UTC)  # `give_up_at` of rows that never become dead letters
FIRST_DELAY = 5.0  # seconds; the delay doubles with every failure
LONGEST_DELAY = 3600.0
MAX_ERROR = 500

log = get_logger(__name__)


class Leased:
    """The columns of a row that holds work.

    `due_at` is the time at which a worker may take the row. While a worker has the row,
    `due_at` is the end of its lease. `due_at` is null if no worker may take the row
    again.
    """

    # Additional columns to change when the row becomes a dead letter.
    when_dead: ClassVar[dict[str, Any]] = {}
    # The columns that describe the row to an operator (`dead_letters.py`).
    about: ClassVar[tuple[str, ...]] = ()

    id: Mapped[PrimaryKey]
    due_at: Mapped[datetime | None] = mapped_column(index=True)
    give_up_at: Mapped[datetime]
    lease: Mapped[str | None] = mapped_column(String(32))
    attempts: Mapped[int] = mapped_column(default=0)
    dead_at: Mapped[datetime | None] = mapped_column(index=True)
    last_error: Mapped[str | None] = mapped_column(String(MAX_ERROR))
    created_at: Mapped[datetime] = mapped_column(default=clock.now())

    @classmethod
    def is_dead_letter(cls) -> ColumnElement[bool]:
        """Return an SQL condition that matches dead letters that an operator should
        see.
        """
        return cls.dead_at.is_not(None)


Row = TypeVar("Row", bound=Leased)


class LeaseLost(Exception):
    """The lease expired before the work was done, so another worker may have the row.

    This transaction must not be committed.
    """


def claim_due_row(
    db: Session, model: type[Row], lease: timedelta, *conditions: ColumnElement[bool]
) -> Row | None:
    """Take the row that has been due the longest, or return `None`.

    The caller commits before it begins the work, so that other workers see that the row
    is taken. With `SKIP LOCKED`, simultaneous claims take different rows. SQLite has no
    `SKIP LOCKED`, but allows only one writer at a time.
    """
    while True:
        due = select(model, clock.now()).where(model.due_at <= clock.now(), *conditions)
        found = db.execute(
            due.order_by(model.due_at, model.id).limit(1).with_for_update(skip_locked=True)
        ).first()
        if found is None:
            return None
        row, at = found
        if row.lease is None or row.give_up_at > at:
            break
        # The last worker died without recording a result. Without this limit, a job
        # that kills its worker would kill one worker after another.
        make_dead_letter(db, row, "The worker ended while it was working on this")
    row.lease, row.due_at, row.attempts = uuid4().hex, at + lease, row.attempts + 1
    db.flush()
    return row


def give_back(db: Session, row: Row, wait: timedelta = timedelta()) -> None:
    """Make the row due again, now or after `wait`, without counting the attempt.

    Raises `LeaseLost`.
    """
    release_lease(db, row, due_at=clock.now(wait), attempts=row.attempts - 1)


def release_lease(db: Session, row: Row, **values: Any) -> None:
    """End the lease of a row, and write these values into it. Raises `LeaseLost`."""
    model = type(row)
    mine = (
        update(model)
        .where(model.id == row.id, model.lease == row.lease)
        .values(lease=None, **values)
    )
    _expect_one(db, mine)


def delete_leased_row(db: Session, row: Row) -> None:
    """Delete a row whose work is done. Raises `LeaseLost`."""
    model = type(row)
    _expect_one(db, delete(model).where(model.id == row.id, model.lease == row.lease))


def _expect_one(db: Session, statement: Any) -> None:
    done = cast(
        "CursorResult[Any]", db.execute(statement, execution_options={"synchronize_session": False})
    )
    if done.rowcount != 1:
        raise LeaseLost


def retry_later(db: Session, row: Row, error: str) -> bool:
    """Make the row due after a pause that doubles with each attempt.

    The last attempt is at the end of `PATIENCE`. If the last attempt fails, the row
    becomes a dead letter, and the result is false. Raises `LeaseLost`.
    """
    at = clock.read_database_time(db)
    if at >= row.give_up_at:
        make_dead_letter(db, row, error)
        return False
    due_at = min(at + delay_after(row.attempts), row.give_up_at)
    release_lease(db, row, due_at=due_at, last_error=loggable_excerpt(error))
    log.warning(
        "work_failed", table=row.__class__.__name__, id=row.id, attempts=row.attempts, reason=error
    )
    return True


def make_dead_letter(db: Session, row: Row, error: str) -> None:
    """Make the row a dead letter, which operators can read but no worker takes.

    Raises `LeaseLost`.
    """
    release_lease(
        db,
        row,
        due_at=None,
        dead_at=clock.now(),
        last_error=loggable_excerpt(error),
        **row.when_dead,
    )
    log.error(
        "dead_letter", table=row.__class__.__name__, id=row.id, attempts=row.attempts, reason=error
    )


def revive_dead_letters(db: Session, model: type[Row], *conditions: ColumnElement[bool]) -> int:
    """Make these dead letters due again, and return their number.

    If they keep failing, they are retried for a full day (`PATIENCE`).
    """
    again = {
        "due_at": clock.now(),
        "give_up_at": clock.now(PATIENCE),
        "dead_at": None,
        "attempts": 0,
    }
    dead = update(model).where(model.dead_at.is_not(None), *conditions).values(again)
    return cast(
        "CursorResult[Any]", db.execute(dead, execution_options={"synchronize_session": False})
    ).rowcount


def delay_after(attempts: int) -> timedelta:
    """Return the pause after this number of attempts: 5 s, 10 s, 20 s, … up to an hour.

    Each pause varies randomly by a fifth. So jobs that failed at the same time are not
    all retried at the same time.
    """
    seconds = min(FIRST_DELAY * 2 ** min(attempts - 1, 20), LONGEST_DELAY)
    spread = random.uniform(0.8, 1.2)  # noqa: S311 - no secret
    return timedelta(milliseconds=round(seconds * spread * 1000))  # SQLite stores milliseconds


def reason_of(error: BaseException) -> str:
    """Return the type and text of an error, or only the type if the text cannot be
    formatted.
    """
    said = "".join(traceback.format_exception_only(error)).strip()
    return said.removeprefix(f"{type(error).__module__}.")


def loggable_excerpt(error: str) -> str:
    """Shorten the text, and remove secrets.

    A server's response may repeat what we sent, such as a link with its token.
    """
    return str(scrub_for_log(error))[:MAX_ERROR]
