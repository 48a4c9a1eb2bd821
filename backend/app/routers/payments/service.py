"""Payments rules that do not call Stripe, and errors that several modules share."""

from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from app.core.config import get_settings
from app.core.errors import Conflict, NotFound
from app.routers.auth.models import User

from . import entitlements, queries
from .entitlements import Entitlements
from .models import Customer, Invoice, Plan, Subscription
from .schemas import SubscriptionRead


class PlanNotFound(NotFound):
    """No plan with this slug is for sale."""

    code = "plan_not_found"
    detail = "There is no such plan. `GET /payments/plans` lists the plans."


class PlanNotForSale(Conflict):
    """The free plan cannot be bought.

    To return to the free plan, a user cancels the subscription.
    """

    code = "plan_not_for_sale"
    detail = "This plan is free. You have it whenever you have no other plan."


class PlanNotReady(Conflict):
    """The plan has no price at Stripe yet, because `make plans-sync` has not run."""

    code = "plan_not_ready"
    detail = "This plan cannot be bought yet. Try again later."


class AlreadySubscribed(Conflict):
    code = "already_subscribed"
    detail = (
        "You already have a subscription. `POST /payments/subscription/change` changes its plan."
    )


class NoSubscription(NotFound):
    """The user has no subscription, or it has ended."""

    code = "no_subscription"
    detail = "You have no subscription. `POST /payments/checkout` starts one."


def list_plans(db: Session) -> list[Plan]:
    """Return the plans for sale, or an empty list while payments are switched off."""
    return list(db.scalars(queries.offered_plans())) if get_settings().payments_enabled else []


def get_plan_for_sale(db: Session, slug: str) -> Plan:
    """Return the plan with this slug. Raises `PlanNotFound`, `PlanNotForSale`,
    `PlanNotReady`.
    """
    plan = db.scalar(
        select(Plan).where(Plan.offered_as == slug).execution_options(populate_existing=True)
    )
    if plan is None:
        raise PlanNotFound
    if plan.amount == 0:
        raise PlanNotForSale
    if plan.stripe_price_id is None:
        raise PlanNotReady
    return plan


def get_subscription(db: Session, user: User) -> Subscription:
    """Return the user's live subscription, or a subscription that waits for its first
    payment.

    Raises `NoSubscription`.
    """
    current = (
        queries.subscriptions_of(user).where(Subscription.status.in_(queries.CURRENT)).limit(1)
    )
    subscription = db.scalar(current)
    if subscription is None:
        raise NoSubscription
    return subscription


def has_live_subscription(db: Session, user: User) -> bool:
    live = select(Subscription.id).join(Subscription.customer)
    return (
        db.scalar(
            live.where(
                Customer.user_id == user.id, Subscription.live_customer_id.is_not(None)
            ).limit(1)
        )
        is not None
    )


def describe_subscription(db: Session, subscription: Subscription) -> SubscriptionRead:
    """Return the API response for a subscription. Its plans must be loaded."""
    worked_out = {
        "plan": subscription.plan,
        "collection_paused": entitlements.is_collection_paused(db, subscription),
        "entitlements": entitlements.of_subscription(db, subscription),
        "scheduled_plan": _scheduled(subscription),
    }
    return SubscriptionRead.model_validate({**vars(subscription), **worked_out})


def _scheduled(subscription: Subscription) -> dict[str, Any] | None:
    """Return the scheduled plan, or `None` if its price has no row in `plans`."""
    plan = subscription.scheduled_plan
    return {"plan": plan, "starts_at": subscription.scheduled_at} if plan else None


def list_invoices(user: User) -> Select[Invoice]:
    """Select the user's invoices, newest first."""
    mine = select(Customer.id).where(Customer.user_id == user.id)
    newest = (Invoice.created_at.desc(), Invoice.id.desc())
    return select(Invoice).where(Invoice.customer_id == mine.scalar_subquery()).order_by(*newest)


def get_entitlements(db: Session, user: User) -> Entitlements:
    return entitlements.of_user(db, user)


def return_url(path: str) -> str:
    """Return the URL of a frontend page to which Stripe's pages redirect.

    The URL never comes from a client.
    """
    return f"{get_settings().frontend_url}{path}"
