"""Registrations that wait to be verified, and the conditions on which they give way.

A registration with a free address creates an account that waits. One with a taken
address creates a `UsernameHold`, which behaves the same for as long.

Without holds, two requests would reveal who has an account (ASVS 6.3.8). An attacker
registers the username `probe` with the address of a victim, and gets 202 either way.
Then the attacker registers `probe` again with any other address. If the victim's
address was free, an account has the name, and the response is 409. If it was taken,
nothing was stored, and the response is 202. A sign-in as `probe` with the attacker's
own password would reveal the same. The waiting account gets 403 `email_not_verified`,
and a name without an account gets 401. So a hold takes the username, keeps the
password, and gets the responses of a waiting account.

The two must also end at the same moment. Otherwise the attacker only has to ask again
at a time when one is gone and the other is not. That is why a new link prolongs nothing
(`LIFE`), and why several registrations with one address end together (`end_of`).
"""

from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, and_, delete, exists, func, or_, select
from sqlalchemy.orm import Session

from app.db import clock
from app.routers.auth.models import Identity, LoginSession, User, UsernameHold

LIFE = timedelta(hours=24)
"""The time that a registration waits for its link to be opened.

A new link does not prolong it. Otherwise its username would be held longer than one
that was registered with a taken address, and the two could be told apart.
"""


def make_way(db: Session, *which: ColumnElement[bool]) -> None:
    """Delete the accounts among these whose registration was not completed in time."""
    forgotten = delete(User).where(abandoned(), or_(*which))
    db.execute(forgotten.execution_options(synchronize_session=False))


def give_way(db: Session, email: str) -> None:
    """Delete an unfinished registration with this address.

    Another person has just shown that the address is theirs.
    """
    giving_way = delete(User).where(unfinished(), User.email == email)
    db.execute(giving_way.execution_options(synchronize_session=False))


def abandoned() -> ColumnElement[bool]:
    """Select registrations that were not completed in time."""
    return and_(unfinished(), User.created_at <= clock.now(-LIFE))


def unfinished() -> ColumnElement[bool]:
    """Select accounts whose address was never verified.

    An account that has ever signed in is not among them, even if it has lost the mark
    since.
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

    Only the first one counts. If several registrations come with one free address, the
    first creates the account. Its password is the only one that a sign-in with the
    address could use.
    """
    column = UsernameHold.email if "@" in name else UsernameHold.username
    live = select(UsernameHold).where(column == name, UsernameHold.expires_at > clock.now())
    # The holds of one address end together (`end_of`). They are sorted by their end
    # first, because an index has this order.
    return db.scalar(live.order_by(UsernameHold.expires_at, UsernameHold.id).limit(1))


def waits() -> ColumnElement[bool]:
    """Select accounts that wait for their address to be verified.

    Such an account existed before any hold with its address.
    """
    return and_(User.is_verified.is_(False), User.is_active, User.created_at > clock.now(-LIFE))


def is_over(db: Session, user: User) -> bool:
    """Return whether this registration was not completed in time, even if no purge has
    run yet.
    """
    return bool(db.scalar(select(exists().where(User.id == user.id, abandoned()))))


def end_of(db: Session, email: str) -> datetime | ColumnElement[datetime]:
    """Return when a registration that comes with this address now ends.

    It ends with the first live registration that has the address. If each had a day of
    its own, a later one would outlive the first. With a taken address it would then
    become the first hold, and its password would get the response of a waiting account.
    With a free address it would not. The response to that password would reveal which
    is the case.
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
    """Return whether more than one registration came with this address.

    If so, nobody can say who chose the password of the account.
    """
    others = exists().where(UsernameHold.email == email, UsernameHold.expires_at > clock.now())
    return bool(db.scalar(select(others)))
