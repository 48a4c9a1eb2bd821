"""What other features do when an account is deleted or has another address. They register here; auth knows none."""

from collections.abc import Callable

from sqlalchemy.orm import Session

from app.core.errors import Conflict

from .models import User

Check = Callable[[Session, User], None]

_checks: list[Check] = []
_of_email_changes: list[Check] = []


class SubscriptionActive(Conflict):
    """Something is still paid for. A check raises it; its owner has to cancel first."""

    code = "subscription_active"
    detail = "This account has a subscription that has not ended. Cancel the subscription first."


def before_deletion(check: Check) -> Check:
    """Have `check` called, in the transaction that deletes an account; what it raises keeps the account."""
    _checks.append(check)
    return check


def check_deletion(db: Session, user: User) -> None:
    """Raises what the checks raise."""
    for check in _checks:
        check(db, user)


def after_email_change(hook: Check) -> Check:
    """Have `hook` called, in the transaction that puts another address in force."""
    _of_email_changes.append(hook)
    return hook


def tell_email_changed(db: Session, user: User) -> None:
    for hook in _of_email_changes:
        hook(db, user)
