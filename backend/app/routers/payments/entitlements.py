"""A user's entitlements: the features and limits of the current plan."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any

from sqlalchemy.orm import Session

from app.core.config import get_settings
from app.core.errors import AppError
from app.routers.auth.models import User

from . import queries
from .clock import payments_now
from .models import Plan, Subscription

IN_FORCE = ("trialing", "active")
# Stripe's value for a pause of collection during which we do not provide the service,
# so that invoices are voided.
NOT_PROVIDED = "void"
# Slug of the plan that is assumed until plans have been loaded. This plan has no
# features.
FREE = "free"
NOTHING: dict[str, Any] = {"features": [], "limits": {}}


class UpgradeRequired(AppError):
    """The user's plan does not allow this (402).

    `plan` is the slug of the first plan that allows it, or null if no plan allows it.
    """

    status = 402
    code = "upgrade_required"
    detail = "Your plan does not include this. If another plan does, `plan` names it."
    extra = MappingProxyType(
        {
            "plan": {
                "type": ["string", "null"],
                "description": "The slug of a plan that includes this, or null if there is no "
                "such plan.",
                "examples": ["pro"],
            }
        }
    )


@dataclass(frozen=True)
class Entitlements:
    """The features and limits of a plan.

    A limit of `None` means unlimited. A limit that is not listed is 0.
    """

    plan: str
    features: list[str]
    limits: dict[str, int | None]

    def has(self, feature: str) -> bool:
        return feature in self.features

    def allows(self, limit: str, count: int) -> bool:
        """Return whether a user who has `count` may add another."""
        most = self.limits.get(limit, 0)
        return most is None or count < most


def grace_ends_at(subscription: Subscription) -> datetime | None:
    """Return when access ends after a failed payment, or `None` if no payment has
    failed.
    """
    if subscription.past_due_since is None:
        return None
    return subscription.past_due_since + timedelta(days=get_settings().payments_grace_days)


def is_collection_paused(db: Session, subscription: Subscription) -> bool:
    """Return whether Stripe's collection of payments is paused.

    A pause with a planned end ends at that time, even if Stripe's event about the end
    has not arrived yet.
    """
    if subscription.pause_behavior is None:
        return False
    return (
        subscription.pause_until is None
        or payments_now(db, subscription.customer_id) < subscription.pause_until
    )


def in_force(db: Session, subscription: Subscription) -> bool:
    """Return whether the subscription gives access now.

    A subscription gives access during a trial, in a paid period, and in the grace
    period while a failed payment is retried. A pause of collection that voids invoices
    ends access. Other kinds of pause do not:
    https://docs.stripe.com/billing/subscriptions/pause-payment
    """
    if subscription.pause_behavior == NOT_PROVIDED and is_collection_paused(db, subscription):
        return False
    if subscription.status in IN_FORCE:
        return True
    ends_at = grace_ends_at(subscription)
    return subscription.status == "past_due" and (
        ends_at is None or payments_now(db, subscription.customer_id) < ends_at
    )


def of_subscription(db: Session, subscription: Subscription) -> dict[str, Any]:
    """Return the current entitlements of this subscription. Its plan must be loaded."""
    return (
        subscription.plan.entitlements
        if subscription.plan and in_force(db, subscription)
        else NOTHING
    )


def of_user(db: Session, user: User) -> Entitlements:
    """Return the user's entitlements, from their subscription or the free plan."""
    live = queries.subscriptions_of(user).where(Subscription.live_customer_id.is_not(None))
    subscription = db.scalar(live)
    if subscription and subscription.plan and in_force(db, subscription):
        return _of_plan(subscription.plan)
    free = db.scalar(queries.offered_plans().where(Plan.amount == 0))
    return _of_plan(free) if free else Entitlements(FREE, **NOTHING)


def _of_plan(plan: Plan) -> Entitlements:
    return Entitlements(plan.slug, plan.entitlements["features"], plan.entitlements["limits"])


def demand_feature(db: Session, user: User, feature: str) -> None:
    """Raise `UpgradeRequired` if the user's plan does not include the feature."""
    if not of_user(db, user).has(feature):
        raise UpgradeRequired(members={"plan": _first_offered(db, lambda plan: plan.has(feature))})


def demand_room(db: Session, user: User, limit: str, count: int) -> None:
    """Raise `UpgradeRequired` if adding one to `count` would exceed the limit."""
    if not of_user(db, user).allows(limit, count):
        raise UpgradeRequired(
            members={"plan": _first_offered(db, lambda plan: plan.allows(limit, count))}
        )


def _first_offered(db: Session, fits: Callable[[Entitlements], bool]) -> str | None:
    return next(
        (plan.slug for plan in db.scalars(queries.offered_plans()) if fits(_of_plan(plan))), None
    )
