"""What other features have to say before an account is deleted. They register here; auth knows none of them."""

from collections.abc import Callable

from sqlalchemy.orm import Session

from app.core.errors import Conflict

from .models import User

Check = Callable[[Session, User], None]

_checks: list[Check] = []


class SubscriptionActive(Conflict):
    """Something is still paid for. A check raises it; its owner has to cancel first."""

    code = "subscription_active"
    detail = "Cancel your subscription first."


def before_deletion(check: Check) -> Check:
    """Have `check` called, in the transaction that deletes an account; what it raises keeps the account."""
    _checks.append(check)
    return check


def check_deletion(db: Session, user: User) -> None:
    """Raises what the checks raise."""
    for check in _checks:
        check(db, user)
