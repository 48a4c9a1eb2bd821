"""Subscription changes: another plan, a cancellation, and undoing either of them.

Stripe makes the change, and Stripe's response is stored immediately. Each request is a
sequence of committed steps. `_change_at_stripe` contains the steps that every change
takes. The two kinds of preview commit once, before they call Stripe.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from app.core.errors import Conflict
from app.db import clock
from app.db.database import commit_step
from app.db.demands import demand_again
from app.routers.auth.models import User
from app.routers.payments import gateway, queries, service
from app.routers.payments.gateway import (
    CurrencyMismatch,
    PaymentFailed,
    SeenPreview,
    SeenSubscription,
    StripeRefused,
)
from app.routers.payments.mirror import sync
from app.routers.payments.models import Plan, Subscription
from app.routers.payments.schemas import Preview, PreviewLine, When
from app.routers.payments.service import NoSubscription

from . import refusals

SHOWN = timedelta(minutes=15)  # how long a preview's amounts are valid


class AlreadyOnPlan(Conflict):
    code = "already_on_plan"
    detail = "You already have this plan. `GET /payments/plans` lists the others."


def preview_change(db: Session, user: User, slug: str, when: When = "now") -> Preview:
    """Return what a change to this plan would charge.

    The preview of an immediate change is stored. A change within `SHOWN` charges
    exactly the previewed amount.

    Raises `NoSubscription`, `PlanNotFound`, `PlanNotForSale`, `PlanNotReady`,
    `AlreadyOnPlan`, `CurrencyMismatch`, `PaymentsUnavailable`.
    """
    subscription, plan = _subject(db, user, slug)
    seen = (
        _preview(db, subscription, plan)
        if when == "now"
        else _preview_at_end(db, subscription, plan)
    )
    lines = [
        PreviewLine(description=x.description, amount=x.amount, currency=x.currency)
        for x in seen.lines
    ]
    return Preview(amount_due=seen.amount_due, currency=seen.currency, lines=lines)


def change_plan(db: Session, user: User, slug: str, when: When = "now") -> Subscription:
    """Change the plan of a subscription now, or schedule the change.

    A change now charges or credits the difference immediately. If the cardholder must
    confirm the payment, nothing changes until they pay on the page in `pay_url`. Raises
    `PaymentFailed`, and the errors of `preview_change`.
    """
    subscription, plan = _subject(db, user, slug)
    if when == "period_end":
        return _schedule(db, subscription, plan)
    shown = subscription.previewed_price_id == plan.stripe_price_id and _holds(
        db, subscription.previewed_at
    )
    if not shown:
        _preview(db, subscription, plan)
    try:
        seen = _change_at_stripe(db, subscription, partial(_change_price, subscription, plan))
    except StripeRefused:
        if not shown:
            raise
        # The previewed amounts are outdated, for example because the next period has
        # begun.
        _preview(db, subscription, plan)
        seen = _change_at_stripe(db, subscription, partial(_change_price, subscription, plan))
    if seen.pay_url:
        raise PaymentFailed(members={"pay_url": seen.pay_url})
    return _as_it_is_now(db, subscription)


def cancel_scheduled_change(db: Session, user: User) -> None:
    """Cancel the scheduled change, if there is one. Raises `NoSubscription`."""
    subscription = _live(db, user)
    if subscription.schedule_id is None:
        return
    _change_at_stripe(db, subscription, partial(_release_and_find, subscription))


def cancel_subscription(db: Session, user: User, *, at_period_end: bool) -> Subscription:
    """End the subscription at the end of the paid period, or now without a refund.

    Raises `NoSubscription`.
    """
    subscription = _live(db, user)
    end = _end_with_period if at_period_end else _end_now
    _change_at_stripe(db, subscription, partial(end, subscription))
    return _as_it_is_now(db, subscription)


def resume_subscription(db: Session, user: User) -> Subscription:
    """Resume a subscription that is paused or is due to end.

    This also ends a pause of collection. Raises `NoSubscription`.
    """
    subscription = _live(db, user)
    _change_at_stripe(
        db, subscription, partial(_unmanaged, subscription, gateway.resume_subscription)
    )
    return _as_it_is_now(db, subscription)


def _live(db: Session, user: User) -> Subscription:
    found = db.scalar(
        queries.subscriptions_of(user).where(Subscription.live_customer_id.is_not(None))
    )
    if found is None:
        raise NoSubscription
    return found


def _as_it_is_now(db: Session, subscription: Subscription) -> Subscription:
    """Read the subscription and its plans again, and return them."""
    plans = (joinedload(Subscription.plan), joinedload(Subscription.scheduled_plan))
    same = select(Subscription).where(Subscription.id == subscription.id).options(*plans)
    return db.scalars(same.execution_options(populate_existing=True)).one()


def _subject(db: Session, user: User, slug: str) -> tuple[Subscription, Plan]:
    subscription, plan = _live(db, user), service.get_plan_for_sale(db, slug)
    if subscription.stripe_price_id == plan.stripe_price_id:
        raise AlreadyOnPlan
    if subscription.plan and subscription.plan.currency != plan.currency:
        raise CurrencyMismatch
    return subscription, plan


def _change_at_stripe(
    db: Session, subscription: Subscription, ask: Callable[[], SeenSubscription]
) -> SeenSubscription:
    """Have Stripe change the subscription, in a sequence of committed steps.

    1. A job is queued that later reads the subscription from Stripe. This job finds out
       what happened if both the response and the event about the change are lost.
    2. Stripe makes the change, and its response is stored.
    3. The request continues only if the user may still ask for the change. This is a
       separate step, because the previous step locks the payer's row. Code that locks
       both rows locks the user's row first.
    """
    sync.sync_payer_soon(db, subscription.customer_id, after=gateway.UNHEARD)
    commit_step(db)
    ticket = sync.take_ticket(subscription.customer_id)
    seen = ask()
    sync.write_subscription(db, ticket, seen)
    commit_step(db)
    demand_again(db)
    return seen


def _holds(db: Session, previewed_at: datetime | None) -> bool:
    return previewed_at is not None and previewed_at > clock.read_database_time(db) - SHOWN


def _preview(db: Session, subscription: Subscription, plan: Plan) -> SeenPreview:
    assert plan.stripe_price_id
    commit_step(db)
    with refusals.translate_refusals(plan):
        seen = gateway.preview_change(
            subscription.stripe_id, subscription.stripe_item_id, plan.stripe_price_id
        )
    demand_again(db)
    subscription.previewed_price_id, subscription.previewed_at = plan.stripe_price_id, clock.now()
    subscription.proration_at = seen.proration_at
    db.flush()
    return seen


def _preview_at_end(db: Session, subscription: Subscription, plan: Plan) -> SeenPreview:
    assert plan.stripe_price_id
    is_ending = subscription.cancel_at is not None
    commit_step(db)
    with refusals.translate_refusals(plan):
        seen = gateway.preview_at_period_end(
            subscription.stripe_id,
            subscription.stripe_item_id,
            plan.stripe_price_id,
            is_ending=is_ending,
        )
    demand_again(db)
    return seen


def _schedule(db: Session, subscription: Subscription, plan: Plan) -> Subscription:
    """Schedule the change, unless it is already scheduled."""
    assert plan.stripe_price_id
    if subscription.scheduled_price_id != plan.stripe_price_id:
        price = (plan.stripe_price_id, plan.interval)
        schedule = partial(gateway.schedule_price, subscription.stripe_id, *price)
        with refusals.translate_refusals(plan):
            _change_at_stripe(db, subscription, schedule)
    return _as_it_is_now(db, subscription)


def _release(subscription: Subscription) -> None:
    """Release the subscription from its schedule, if it has one.

    While a schedule manages a subscription, only the schedule can decide when the
    subscription ends and what it costs later.
    """
    if subscription.schedule_id:
        gateway.release_schedule(subscription.schedule_id)


def _release_and_find(subscription: Subscription) -> SeenSubscription:
    _release(subscription)
    return gateway.find_subscription(subscription.stripe_id)


def _end_with_period(subscription: Subscription) -> SeenSubscription:
    _release(subscription)
    return _unmanaged(subscription, gateway.cancel_at_period_end)


def _end_now(subscription: Subscription) -> SeenSubscription:
    return gateway.cancel_now(subscription.stripe_id)


def _unmanaged(
    subscription: Subscription, ask: Callable[[str], SeenSubscription]
) -> SeenSubscription:
    """Make a change, even if Stripe refuses it because of a schedule.

    If Stripe refuses the change, and a schedule manages the subscription, the schedule
    is released, and the change is repeated.
    """
    try:
        return ask(subscription.stripe_id)
    except StripeRefused:
        schedule_id = gateway.find_subscription(subscription.stripe_id).schedule_id
        if schedule_id is None:
            raise
        gateway.release_schedule(schedule_id)
        return ask(subscription.stripe_id)


def _change_price(subscription: Subscription, plan: Plan) -> SeenSubscription:
    """Change the price, with an Idempotency-Key derived from the stored preview.

    Because of that key, neither a second click nor a lost response causes a second
    charge. The stored preview is used only once, because Stripe always gives the same
    response to the same key. Stripe would repeat a refusal even after the payer has
    changed the card.
    """
    assert plan.stripe_price_id
    assert subscription.proration_at
    at = subscription.proration_at
    key = f"change-{subscription.stripe_id}-{plan.stripe_price_id}-{int(at.timestamp())}"
    subject = (subscription.stripe_id, subscription.stripe_item_id)
    _release(subscription)
    try:
        with refusals.translate_refusals(plan):
            seen = gateway.change_price(subject, plan.stripe_price_id, proration_at=at, key=key)
    except PaymentFailed:
        subscription.previewed_price_id = None
        raise
    if not seen.pay_url:  # otherwise the change still waits for payment
        subscription.previewed_price_id = None
    # Another request has created a schedule, which would undo this change.
    if seen.schedule_id:
        gateway.release_schedule(seen.schedule_id)
    return seen
