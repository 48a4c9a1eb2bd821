"""Statements that several rules of auth share."""

from sqlalchemy import ColumnExpressionArgument, Select, or_, select
from sqlalchemy.orm import Session

from .models import User


def locked(*which: ColumnExpressionArgument[bool]) -> Select[User]:
    """Accounts, locked, as they are once the lock is ours: not as this transaction may have read them before.

    Whoever changes what lets somebody in takes this lock first, then looks at tokens, then at sessions, each in a
    statement of its own: one that waits for the lock sees other tables as they were before it waited (PostgreSQL).
    """
    mine = select(User).where(*which).with_for_update(key_share=True)
    return mine.execution_options(populate_existing=True)


def lock_all(db: Session, *which: ColumnExpressionArgument[bool]) -> list[User]:
    """Every account that one of these describes, locked in the order of ids: or two could wait for each other.

    Each by a statement of its own: MariaDB locks what one statement finds in an order that it chooses.
    """
    ids = db.scalars(select(User.id).where(or_(*which)).order_by(User.id)).all()
    found = [db.scalar(locked(User.id == user_id)) for user_id in ids]
    return [user for user in found if user]
