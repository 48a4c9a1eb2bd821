"""Inserts a row, unless another row has the same unique value.

A query before the insert cannot find this out, because another transaction may insert
the same value between the query and the insert. So the unique constraint decides. The
INSERT runs in a savepoint, so that a violation does not undo the earlier work of the
transaction.
"""

from typing import cast

from sqlalchemy import Insert, Table, insert
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


def insert_ahead(model: type[Base]) -> Insert:
    """Return an INSERT that costs no round trip on PostgreSQL.

    The INSERT is sent in one message with the next statement of the transaction, which
    may be `COMMIT`. So the result of the INSERT, such as the new id, is not available.
    Execute it on `db.connection()`. The caller must be sure that the row violates no
    constraint, because the next statement would raise the error.
    """
    return insert(cast("Table", model.__table__)).inline().prefix_with("/* ahead */")
