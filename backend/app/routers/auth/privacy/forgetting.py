"""An operator erases an account with all its content, at the request of a person.

An owner who deletes their account keeps what they have published, without a name
(`accounts/own_account.py`). Here the content is erased, too.
"""

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from app.core.features import discover
from app.platform.jobs import enqueue
from app.routers.auth import queries
from app.routers.auth.accounts import own_account
from app.routers.auth.models import User

from . import owned_rows


def find_account(db: Session, name: str) -> User | None:
    """Return the account with this id, username or email address, locked.

    The id also finds an account that was deleted before, whose content is still there.
    """
    known = or_(User.username == name.lower(), User.email == name.lower())
    by_id = User.id == int(name) if name.isascii() and name.isdigit() else known
    found = db.scalar(select(User.id).where(by_id))
    return db.scalar(queries.locked_accounts(User.id == found)) if found else None


def forget(db: Session, user: User) -> None:
    """Delete the account, and queue a job that erases its content.

    Raises any error of a check that was registered in `hooks`, such as
    `SubscriptionActive`.
    """
    for feature in discover():  # a feature registers its checks there
        feature.module("dependencies")
    if not user.is_deleted:
        own_account.erase_account(db, user, None)
    enqueue(db, "auth.forget", {"user_id": user.id}, key=f"forget user {user.id}")


def erase_content(user_id: int) -> bool:
    """Erase the content of each feature. Return whether everything is erased."""
    done = True
    for feature in discover():
        own = feature.module("personal_data")
        done &= own.erase(user_id) if own else owned_rows.erase(feature, user_id)
    return done
