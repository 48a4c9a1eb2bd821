"""Registrations that wait for their address to be verified, and what makes them give way.

With a free address there is an account that waits. With a taken one there is a `UsernameHold`, which looks the same
from outside for as long: its user name is taken, and its password is answered as that of an account that waits.
"""

from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, and_, delete, exists, func, or_, select
from sqlalchemy.orm import Session

from app.db import clock

from .models import Identity, LoginSession, User, UsernameHold

LIFE = timedelta(hours=24)
"""How long a registration waits for its link to be opened. A new link does not make it longer: else its user name would
be held longer than one that was asked for with a taken address, and tell the two apart."""


def make_way(db: Session, *which: ColumnElement[bool]) -> None:
    """Delete those of these accounts whose registration was never finished in time."""
    forgotten = delete(User).where(abandoned(), or_(*which))
    db.execute(forgotten.execution_options(synchronize_session=False))


def give_way(db: Session, email: str) -> None:
    """Delete an unfinished registration with this address: somebody else has just shown that it is theirs."""
    giving_way = delete(User).where(unfinished(), User.email == email)
    db.execute(giving_way.execution_options(synchronize_session=False))


def abandoned() -> ColumnElement[bool]:
    """Registrations that nobody finished in time."""
    return and_(unfinished(), User.created_at <= clock.now(-LIFE))


def unfinished() -> ColumnElement[bool]:
    """Accounts whose address was never verified. Not among them: who ever signed in, and lost the mark since."""
    # One row is looked for by index. PostgreSQL may turn a NOT EXISTS into a join that reads a whole table.
    came_in = (select(table.id).where(table.user_id == User.id).correlate(User) for table in (LoginSession, Identity))
    nothing = (rows.limit(1).scalar_subquery().is_(None) for rows in came_in)
    return and_(User.is_verified.is_(False), User.is_active, *nothing)


def find_hold(db: Session, name: str) -> UsernameHold | None:
    """The live hold of this user name, or the first one with this address.

    Only the first: of several registrations with one free address the first makes the account, and its password is the
    only one that a sign-in with the address would know.
    """
    column = UsernameHold.email if "@" in name else UsernameHold.username
    live = select(UsernameHold).where(column == name, UsernameHold.expires_at > clock.now())
    # Those of one address end together (`end_of`). By their end first, because there is an index in this order.
    return db.scalar(live.order_by(UsernameHold.expires_at, UsernameHold.id).limit(1))


def waits() -> ColumnElement[bool]:
    """Accounts that wait for their address to be verified: they were there before any hold of it."""
    return and_(User.is_verified.is_(False), User.is_active, User.created_at > clock.now(-LIFE))


def is_over(db: Session, user: User) -> bool:
    """Whether this is a registration that nobody finished in time, though no purge has come yet."""
    return bool(db.scalar(select(exists().where(User.id == user.id, abandoned()))))


def end_of(db: Session, email: str) -> datetime | ColumnElement[datetime]:
    """When a registration ends that comes with this address now: with the first of those that it still has.

    Were each to have a day of its own, a later one would become the first where the address is taken, and none where it
    is free: its password would tell.
    """
    first_hold = select(func.min(UsernameHold.expires_at)).where(
        UsernameHold.email == email, UsernameHold.expires_at > clock.now()
    )
    waiting_since = db.scalar(select(User.created_at).where(User.email == email, waits()))
    held_until = db.scalar(first_hold)
    ends = [held_until] if held_until else []
    if waiting_since:
        ends.append(waiting_since + LIFE)
    return min(ends) if ends else clock.now(LIFE)


def is_contested(db: Session, email: str) -> bool:
    """Whether more than one registration came with this address: then nobody can say whose password the account has."""
    others = exists().where(UsernameHold.email == email, UsernameHold.expires_at > clock.now())
    return bool(db.scalar(select(others)))
