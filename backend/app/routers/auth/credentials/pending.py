"""Unverified registrations, and the usernames that are held for taken addresses.

A registration with a free address creates an unverified account. A registration with a
taken address creates a `UsernameHold`. A request that names a hold gets the response
that an unverified account would get, and for the same length of time.

Without holds, two requests would reveal who has an account (ASVS 6.3.8). An attacker
registers the username `probe` with the address of a victim, and gets 202 either way.
Then the attacker registers `probe` again with any other address. If the victim's
address was free, an account now has the username, and the response is 409. If the
address was taken, nothing was stored, and the response is 202. A sign-in as `probe`
with the attacker's own password would reveal the same, because an unverified account
gets 403 `email_not_verified`, and a username without an account gets 401. So a hold
keeps the username and the password, and gets the responses of an unverified account.

The account and the hold must also expire at the same moment. Otherwise the attacker
could send a request at a time when only one of the two would have expired. That is why
a new link does not extend a registration (`LIFE`), and why all registrations with one
address expire together (`end_of`).
"""

from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, and_, delete, exists, func, or_, select
from sqlalchemy.orm import Session

from app.db import clock
from app.routers.auth.models import Identity, LoginSession, User, UsernameHold

LIFE = timedelta(hours=24)
"""How long a user has to verify a registration.

A new link does not extend this. Otherwise an account would keep its username for longer
than a hold, and the difference would reveal which addresses are taken.
"""


def make_way(db: Session, *which: ColumnElement[bool]) -> None:
    """Delete matching accounts whose registration has expired."""
    forgotten = delete(User).where(is_abandoned(), or_(*which))
    db.execute(forgotten.execution_options(synchronize_session=False))


def give_way(db: Session, email: str) -> None:
    """Delete the unverified registration with this address.

    Call this when another user has just proved that they own the address.
    """
    giving_way = delete(User).where(is_unverified(), User.email == email)
    db.execute(giving_way.execution_options(synchronize_session=False))


def is_abandoned() -> ColumnElement[bool]:
    """Match registrations that were not completed in time."""
    return and_(is_unverified(), User.created_at <= clock.now(-LIFE))


def is_unverified() -> ColumnElement[bool]:
    """Match active accounts whose address was never verified.

    An account that has signed in at least once does not match, even if its address is
    unverified now.
    """
    # Each subquery finds one row by an index. PostgreSQL may turn a NOT EXISTS into a
    # join that reads a whole table.
    came_in = (
        select(table.id).where(table.user_id == User.id).correlate(User)
        for table in (LoginSession, Identity)
    )
    nothing = (rows.limit(1).scalar_subquery().is_(None) for rows in came_in)
    return and_(User.is_verified.is_(False), User.is_active, *nothing)


def find_hold(db: Session, name: str) -> UsernameHold | None:
    """Return the live hold of this username, or the first live hold with this address.

    If several registrations use one free address, the first one creates the account.
    Only that account's password can sign in with the address. So only the first hold
    counts.
    """
    column = UsernameHold.email if "@" in name else UsernameHold.username
    live = select(UsernameHold).where(column == name, UsernameHold.expires_at > clock.now())
    # All holds for one address expire together (`end_of`). Sorting by `expires_at`
    # first matches the order of an index.
    return db.scalar(live.order_by(UsernameHold.expires_at, UsernameHold.id).limit(1))


def waits_for_verification() -> ColumnElement[bool]:
    """Match accounts whose address is waiting to be verified.

    Such an account is older than every hold with its address.
    """
    return and_(User.is_verified.is_(False), User.is_active, User.created_at > clock.now(-LIFE))


def is_over(db: Session, user: User) -> bool:
    """Return whether this registration has expired. Its row may still exist."""
    return bool(db.scalar(select(exists().where(User.id == user.id, is_abandoned()))))


def end_of(db: Session, email: str) -> datetime | ColumnElement[datetime]:
    """Return when a new registration with this address expires.

    The new registration expires together with the first live registration for the
    address. Suppose instead that each registration expired a day after it was made. A
    later registration would then outlive the first. If the address is taken, the later
    registration would become the first hold, and signing in with its password would get
    the response of an unverified account. If the address is free, the same sign-in
    would get 401. The difference would reveal whether the address is taken.
    """
    first_hold = select(func.min(UsernameHold.expires_at)).where(
        UsernameHold.email == email, UsernameHold.expires_at > clock.now()
    )
    waiting_since = db.scalar(
        select(User.created_at).where(User.email == email, waits_for_verification())
    )
    held_until = db.scalar(first_hold)
    ends = [held_until] if held_until else []
    if waiting_since:
        ends.append(waiting_since + LIFE)
    return min(ends) if ends else clock.now(LIFE)


def is_contested(db: Session, email: str) -> bool:
    """Return whether more than one registration used this address.

    If so, nobody can say who chose the password of the account.
    """
    others = exists().where(UsernameHold.email == email, UsernameHold.expires_at > clock.now())
    return bool(db.scalar(select(others)))
