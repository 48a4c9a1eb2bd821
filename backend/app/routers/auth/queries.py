"""SQL statements shared by several auth modules."""

from sqlalchemy import ColumnExpressionArgument, Select, bindparam, exists, or_, select
from sqlalchemy.orm import Session, with_expression

from app.core.config import get_settings

from .models import Identity, Totp, User

_GOOGLE = exists().where(Identity.user_id == User.id, Identity.issuer == bindparam("google"))
_MFA = exists().where(Totp.user_id == User.id, Totp.confirmed_at.is_not(None))
FACTS = (
    with_expression(User.has_google, _GOOGLE.correlate(User)),
    with_expression(User.has_mfa, _MFA.correlate(User)),
)
"""Options that load facts about a user. The parameter `google` is the issuer."""

_DESCRIBED = (
    select(User)
    .where(User.id == bindparam("user_id"))
    .options(*FACTS)
    .execution_options(populate_existing=True)
)


def locked_accounts(*which: ColumnExpressionArgument[bool]) -> Select[User]:
    """Select and lock accounts, reading their values once the lock is held.

    Values that this session read earlier are replaced. A request that changes how a
    user signs in takes this lock first. Then it reads tokens and sessions in separate
    statements. On PostgreSQL, a single statement that waits for the lock would see
    other tables as they were before the wait.
    """
    mine = select(User).where(*which).with_for_update(key_share=True)
    return mine.execution_options(populate_existing=True)


def lock_all(db: Session, *which: ColumnExpressionArgument[bool]) -> list[User]:
    """Lock every account that matches one of these conditions, in order of id.

    If two requests locked accounts in different orders, they could deadlock. Each
    account is locked by its own statement, because MariaDB would choose the order in
    which a single statement locks several rows.
    """
    ids = db.scalars(select(User.id).where(or_(*which)).order_by(User.id)).all()
    found = [db.scalar(locked_accounts(User.id == user_id)) for user_id in ids]
    return [user for user in found if user]


def describe(db: Session, user: User) -> None:
    """Load the `FACTS` of a user."""
    db.scalar(_DESCRIBED, {"user_id": user.id, "google": get_settings().google_issuer})


def has_google(db: Session, user_id: int) -> bool:
    """Return whether the user has linked an account from the configured provider."""
    mine = select(Identity.id).where(
        Identity.user_id == user_id, Identity.issuer == get_settings().google_issuer
    )
    return db.scalar(mine) is not None
