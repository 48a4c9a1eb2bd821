"""SQL statements shared by several payments modules."""

from sqlalchemy import Select, select
from sqlalchemy.orm import joinedload

from app.routers.auth.models import User

from .models import Customer, Plan, Subscription

LIVE = ("trialing", "active", "past_due", "unpaid", "paused")
"""Statuses in which a subscription is live.

`incomplete` is not live yet. `canceled` and the other statuses are no longer live.
"""
CURRENT = (*LIVE, "incomplete")
UNFINISHED = ("draft", "open")
"""Statuses in which an invoice can still change."""


def offered_plans() -> Select[Plan]:
    """Select the plans for sale, in the order of `plans.toml`."""
    return select(Plan).where(Plan.offered_as.is_not(None)).order_by(Plan.position, Plan.id)


def customer_of(user: User) -> Select[Customer]:
    return select(Customer).where(Customer.user_id == user.id)


def subscriptions_of(user: User) -> Select[Subscription]:
    """Select the user's subscriptions with their plans: the live subscription first,
    then the newest.
    """
    return (
        select(Subscription)
        .join(Subscription.customer)
        .where(Customer.user_id == user.id)
        .options(joinedload(Subscription.plan), joinedload(Subscription.scheduled_plan))
        .order_by(
            Subscription.live_customer_id.is_(None),
            Subscription.started_at.desc(),
            Subscription.id.desc(),
        )
    )
