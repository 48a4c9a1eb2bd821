"""Inserts a row, unless another row has the same unique value.

A query before the insert cannot decide this, because another transaction may insert the
same value in between. The unique constraint decides. The insert is made in a savepoint,
so that the earlier work of the transaction is kept if the row exists.
"""

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from .base import Base
from .errors import constraint_of


def insert_if_absent(db: Session, row: Base, *constraints: str) -> bool:
    """Insert the row, and return whether it was inserted.

    The row is not inserted if it violates one of these unique constraints, because
    another row has the same value. `row` then no longer belongs to the session. The
    violation of any other constraint stays an `IntegrityError`, which
    `app.db.errors.conflicts` can translate.
    """
    try:
        with db.begin_nested():
            db.add(row)
            db.flush()
    except IntegrityError as error:
        if constraint_of(error) not in constraints:
            raise
        return False
    return True
