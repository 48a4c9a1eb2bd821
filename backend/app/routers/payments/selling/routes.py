"""Routes for the caller's subscription.

The rules and queries are in `changes` and `service`.
"""

from fastapi import status

from app.core.errors import raises
from app.db.database import db_dependency
from app.platform.routing import Router
from app.routers.auth.dependencies import CurrentUser, FreshIdentity, InPerson
from app.routers.payments import service
from app.routers.payments.dependencies import StripeTurn
from app.routers.payments.gateway import (
    CurrencyMismatch,
    PaymentFailed,
    PaymentsUnavailable,
    StripeRefused,
)
from app.routers.payments.schemas import Cancellation, PlanChange, Preview, SubscriptionRead

from . import changes

router = Router(prefix="/subscription", dependencies=[FreshIdentity, InPerson])

OF_PLANS = (
    service.PlanNotFound,
    service.PlanNotForSale,
    service.PlanNotReady,
    changes.AlreadyOnPlan,
    CurrencyMismatch,
)
OF_STRIPE = (PaymentsUnavailable, StripeRefused)


@router.get("")
@raises(service.NoSubscription)
def read_subscription(db: db_dependency, user: CurrentUser) -> SubscriptionRead:
    """Read the current subscription. Ended subscriptions are not returned."""
    return service.describe_subscription(db, service.get_subscription(db, user))


@router.post("/preview", dependencies=[StripeTurn])
@raises(service.NoSubscription, *OF_PLANS, *OF_STRIPE)
def preview_change(db: db_dependency, user: CurrentUser, data: PlanChange) -> Preview:
    """Preview what a change to this plan would charge, now or at the end of the period.

    For 15 minutes, an immediate change charges exactly this amount.
    """
    return changes.preview_change(db, user, data.plan, data.when)


@router.post("/change", dependencies=[StripeTurn])
@raises(service.NoSubscription, *OF_PLANS, *OF_STRIPE, PaymentFailed)
def change_plan(db: db_dependency, user: CurrentUser, data: PlanChange) -> SubscriptionRead:
    """Change to this plan at once, or at the end of the period.

    With `when=now`, the difference is charged at once, or credited to the next
    invoices. With `when=period_end`, nothing is prorated. Until the period ends,
    `scheduled_plan` shows the change. A subscription that was due to end continues with
    the new plan. Either way, an earlier scheduled change is replaced.
    """
    return service.describe_subscription(db, changes.change_plan(db, user, data.plan, data.when))


@router.delete("/scheduled", status_code=status.HTTP_204_NO_CONTENT, dependencies=[StripeTurn])
@raises(service.NoSubscription, *OF_STRIPE)
def take_change_back(db: db_dependency, user: CurrentUser) -> None:
    """Cancel the scheduled change, and keep the current plan.

    Nothing happens if no change is scheduled.
    """
    changes.cancel_scheduled_change(db, user)


@router.post("/cancel", dependencies=[StripeTurn])
@raises(service.NoSubscription, *OF_STRIPE)
def cancel_subscription(
    db: db_dependency, user: CurrentUser, data: Cancellation
) -> SubscriptionRead:
    """End the subscription at the end of the paid period, or now.

    A scheduled change is cancelled, too.
    """
    return service.describe_subscription(
        db, changes.cancel_subscription(db, user, at_period_end=data.at_period_end)
    )


@router.post("/resume", dependencies=[StripeTurn])
@raises(service.NoSubscription, *OF_STRIPE)
def resume_subscription(db: db_dependency, user: CurrentUser) -> SubscriptionRead:
    """Continue a subscription that is due to end or is paused."""
    return service.describe_subscription(db, changes.resume_subscription(db, user))
