"""Statements that several modules of auth share."""

from sqlalchemy import ColumnExpressionArgument, Select, or_, select
from sqlalchemy.orm import Session

from app.core.config import get_settings

from .models import Identity, User


def locked(*which: ColumnExpressionArgument[bool]) -> Select[User]:
    """Select accounts with a lock, as they are once the lock is held.

    What this transaction read of them before is replaced. A request that changes what
    lets a user in takes this lock first, then reads tokens, then sessions, each in a
    statement of its own. On PostgreSQL, a statement that waits for the lock sees other
    tables as they were before it waited.
    """
    mine = select(User).where(*which).with_for_update(key_share=True)
    return mine.execution_options(populate_existing=True)


def lock_all(db: Session, *which: ColumnExpressionArgument[bool]) -> list[User]:
    """Lock every account that matches one of these conditions, in the order of ids.

    In another order, two requests could wait for each other. Each account is locked by
    a statement of its own, because MariaDB chooses the order in which one statement
    locks what it finds.
    """
    ids = db.scalars(select(User.id).where(or_(*which)).order_by(User.id)).all()
    found = [db.scalar(locked(User.id == user_id)) for user_id in ids]
    return [user for user in found if user]


def has_google(db: Session, user_id: int) -> bool:
    """Return whether the user is linked at the provider that is configured now."""
    mine = select(Identity.id).where(
        Identity.user_id == user_id, Identity.issuer == get_settings().google_issuer
    )
    return db.scalar(mine) is not None
