"""Routes of the caller's subscription. No rule and no query here."""

from app.core.errors import raises
from app.db.database import db_dependency
from app.platform.routing import Router
from app.routers.auth.dependencies import CurrentUser

from . import changes, service
from .dependencies import StripeTurn
from .gateway import CurrencyMismatch, PaymentFailed, PaymentsUnavailable, StripeRefused
from .schemas import Cancellation, PlanChoice, Preview, SubscriptionRead

router = Router(prefix="/subscription")

OF_PLANS = (service.PlanNotFound, service.PlanNotForSale, service.PlanNotReady, changes.AlreadyOnPlan, CurrencyMismatch)
OF_STRIPE = (PaymentsUnavailable, StripeRefused)


@router.get("")
@raises(service.NoSubscription)
def read_subscription(db: db_dependency, user: CurrentUser) -> SubscriptionRead:
    """The subscription that is going on. One that has ended is none."""
    return service.describe(db, service.get_subscription(db, user))


@router.post("/preview", dependencies=[StripeTurn])
@raises(service.NoSubscription, *OF_PLANS, *OF_STRIPE)
def preview_change(db: db_dependency, user: CurrentUser, data: PlanChoice) -> Preview:
    """What a change to this plan would charge now. For 15 minutes a change charges just that."""
    return changes.preview(db, user, data.plan)


@router.post("/change", dependencies=[StripeTurn])
@raises(service.NoSubscription, *OF_PLANS, *OF_STRIPE, PaymentFailed)
def change_plan(db: db_dependency, user: CurrentUser, data: PlanChoice) -> SubscriptionRead:
    """Change to this plan at once; the difference is charged, or credited to the next invoices."""
    return service.describe(db, changes.change(db, user, data.plan))


@router.post("/cancel", dependencies=[StripeTurn])
@raises(service.NoSubscription, *OF_STRIPE)
def cancel_subscription(db: db_dependency, user: CurrentUser, data: Cancellation) -> SubscriptionRead:
    """End it with the period that is paid for, or at once."""
    return service.describe(db, changes.cancel(db, user, at_period_end=data.at_period_end))


@router.post("/resume", dependencies=[StripeTurn])
@raises(service.NoSubscription, *OF_STRIPE)
def resume_subscription(db: db_dependency, user: CurrentUser) -> SubscriptionRead:
    """Let it go on after all."""
    return service.describe(db, changes.resume(db, user))
