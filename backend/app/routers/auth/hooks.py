"""Hooks with which other features react to account deletions and email changes.

Features register their functions here, so auth does not have to import the features.
"""

from collections.abc import Callable

from sqlalchemy.orm import Session

from app.core.errors import Conflict

from .models import User

Check = Callable[[Session, User], None]

deletion_checks: list[Check] = []
_of_email_changes: list[Check] = []


class SubscriptionActive(Conflict):
    """The user still pays for a subscription, and has to cancel it first."""

    code = "subscription_active"
    detail = "This account has a subscription that has not ended. Cancel the subscription first."


def before_deletion(check: Check) -> Check:
    """Register `check` to run in the transaction that deletes an account.

    If the check raises an error, the account is not deleted.
    """
    deletion_checks.append(check)
    return check


def check_deletion(db: Session, user: User) -> None:
    """Run the registered checks. Raises the error of the first check that fails."""
    for check in deletion_checks:
        check(db, user)


def after_email_change(hook: Check) -> Check:
    """Register `hook` to run in the transaction that changes a user's address."""
    _of_email_changes.append(hook)
    return hook


def tell_email_changed(db: Session, user: User) -> None:
    for hook in _of_email_changes:
        hook(db, user)
