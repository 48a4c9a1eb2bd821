"""Work that waits in a table. Several workers take rows from it, each row belongs to
one worker at a time, and no row is forgotten.

A worker takes a row by a lease, which expires. If the worker dies, the lease expires
and the row is due again. The clock of the database decides, so that no worker considers
a lease expired because its own clock is ahead.
"""

import random
import traceback
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar, TypeVar, cast
from uuid import uuid4

from sqlalchemy import ColumnElement, CursorResult, String, delete, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from app.core.logging import get_logger, scrub
from app.db import clock
from app.db.types import PrimaryKey

PATIENCE = timedelta(hours=24)  # from the moment a row was first due until it is a dead letter
NEVER = datetime(9999, 1, 1, tzinfo=UTC)  # the `give_up_at` of a row that is never given up
FIRST_DELAY = 5.0  # seconds, doubled with every failure
LONGEST_DELAY = 3600.0
MAX_ERROR = 500

log = get_logger(__name__)


class Leased:
    """The columns of such a row.

    `due_at` is the time at which a worker may take it. Once it is taken, `due_at` is
    the end of the lease. It is null if the row must not be taken again.
    """

    # Further columns that change when the row becomes a dead letter.
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
        """Return an SQL condition: whether a worker has given the row up, and an
        operator should know.
        """
        return cls.dead_at.is_not(None)


Row = TypeVar("Row", bound=Leased)


class LeaseLost(Exception):
    """The work took longer than the lease, and another worker has the row now.

    Nothing of this transaction may be committed.
    """


def claim(
    db: Session, model: type[Row], lease: timedelta, *conditions: ColumnElement[bool]
) -> Row | None:
    """Take the row that has been due for longest, or return `None`.

    Commit before the work begins, so that other workers see that the row is taken.
    `SKIP LOCKED` makes several claims at the same time take different rows. SQLite has
    only one writer at a time anyway.
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
        # Otherwise a job that kills workers would kill them for ever.
        bury(db, row, "The worker ended while it was working on this")
    row.lease, row.due_at, row.attempts = uuid4().hex, at + lease, row.attempts + 1
    db.flush()
    return row


def give_back(db: Session, row: Row, wait: timedelta = timedelta()) -> None:
    """Make the row due again, now or after `wait`, as if it had not been taken. Raises
    `LeaseLost`.
    """
    release(db, row, due_at=clock.now(wait), attempts=row.attempts - 1)


def release(db: Session, row: Row, **values: Any) -> None:
    """Return the row to the table with these values. Raises `LeaseLost`."""
    model = type(row)
    mine = (
        update(model)
        .where(model.id == row.id, model.lease == row.lease)
        .values(lease=None, **values)
    )
    _expect_one(db, mine)


def remove(db: Session, row: Row) -> None:
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
    """Try again after a pause that doubles each time. The last attempt is at the end of
    `PATIENCE`.

    Returns `False` if there is no further attempt, and the row is a dead letter. Raises
    `LeaseLost`.
    """
    at = clock.read(db)
    if at >= row.give_up_at:
        bury(db, row, error)
        return False
    due_at = min(at + delay_after(row.attempts), row.give_up_at)
    release(db, row, due_at=due_at, last_error=short(error))
    log.warning(
        "work_failed", table=row.__class__.__name__, id=row.id, attempts=row.attempts, reason=error
    )
    return True


def bury(db: Session, row: Row, error: str) -> None:
    """Make the row a dead letter: it stays for people to read, but no worker takes it
    again.

    Raises `LeaseLost`.
    """
    release(db, row, due_at=None, dead_at=clock.now(), last_error=short(error), **row.when_dead)
    log.error(
        "dead_letter", table=row.__class__.__name__, id=row.id, attempts=row.attempts, reason=error
    )


def revive(db: Session, model: type[Row], *conditions: ColumnElement[bool]) -> int:
    """Make these dead letters due, with a full day of attempts. Returns their
    number.
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

    Each pause varies by a fifth, so that work that failed together is not retried
    together.
    """
    seconds = min(FIRST_DELAY * 2 ** min(attempts - 1, 20), LONGEST_DELAY)
    spread = random.uniform(0.8, 1.2)  # noqa: S311 - no secret
    return timedelta(milliseconds=round(seconds * spread * 1000))  # as precise as SQLite's clock


def reason_of(error: BaseException) -> str:
    """Return the type and the text of an error, also of an error whose text cannot be
    read.
    """
    said = "".join(traceback.format_exception_only(error)).strip()
    return said.removeprefix(f"{type(error).__module__}.")


def short(error: str) -> str:
    """Return the text, scrubbed and shortened.

    The response of a server may repeat what we sent, such as a link with its token.
    """
    return str(scrub(error))[:MAX_ERROR]
