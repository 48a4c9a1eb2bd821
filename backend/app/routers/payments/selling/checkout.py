"""Checkout on Stripe's page: two tabs or a lost response make one subscription.

1. Before the page, the payer must have no live subscription, neither here nor at
   Stripe.
2. A payer has at most one open Checkout session. Its attempt is a row that holds the
   payer, stored with everything that is sent, before Stripe is called. For another
   plan, the session of the previous attempt is first closed at Stripe.
3. If a second subscription is made anyway, it meets the unique `live_customer_id`
   (`sync.py`), and is cancelled and refunded.

Without the attempt, two tabs would make two subscriptions, and the payer would be
charged twice:

    tab A                                tab B
    no live subscription: continue
                                         no live subscription: continue
    Stripe makes session 1
                                         Stripe makes session 2
    the payer pays session 1, and finds the page of session 2 still open

No lock can prevent this, because a transaction must not stay open while Stripe is
called. The unique `open_customer_id` can: the second insert fails, and tab B gets
session 1. If the response is lost, the row still has the Idempotency-Key, and the same
key gets the same session from Stripe, for at least 24 hours
(https://docs.stripe.com/api/idempotent_requests). A session can be paid at the moment
when it is to be closed. So once no session is open, `_look` asks Stripe for new
subscriptions.

After each call to Stripe, the caller is checked again. If the account has been deleted
meanwhile, the session that Stripe has just made is closed (R21).
"""

from uuid import uuid4

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from app.core.errors import AppError, Conflict, Unprocessable
from app.db import clock
from app.db.database import end_before_waiting
from app.db.demands import demand_again
from app.db.errors import conflicts
from app.routers.auth.models import User
from app.routers.payments import gateway, service
from app.routers.payments.gateway import Order, SeenSession, StripeRefused
from app.routers.payments.mirror import sync
from app.routers.payments.models import CheckoutAttempt, Customer, Plan
from app.routers.payments.schemas import CheckoutCreate, CheckoutRead
from app.routers.payments.service import AlreadySubscribed

from . import customers, refusals

TURNS = 5  # requests of the same payer that may come first before this one gives up
KEY_LIFE = customers.KEY_LIFE


class CheckoutBusy(Conflict):
    """Other requests of the same user kept starting checkouts."""

    code = "checkout_busy"
    detail = "Another checkout of yours is being created. Try again in a moment."


class PromotionCodeUnknown(Unprocessable):
    code = "promotion_code_unknown"
    detail = "This promotion code is not valid. Check it, or leave it out."


class _BegunMeanwhile(Conflict):
    """Another request has the payer's open attempt. Never leaves this module."""


def create_checkout(db: Session, user: User, data: CheckoutCreate) -> CheckoutRead:
    """Return the Stripe page on which to subscribe to a plan.

    Repeated calls with the same choices return the same session for as long as it is
    open. Raises `PlanNotFound`, `PlanNotForSale`, `PlanNotReady`, `AlreadySubscribed`,
    `PromotionCodeUnknown`, `CheckoutBusy`, `CurrencyMismatch`, `PaymentsUnavailable`.
    """
    plan = service.get_plan_for_sale(db, data.plan)
    if service.has_live_subscription(db, user):
        raise AlreadySubscribed
    customer = customers.ensure_customer(db, user)
    code = _promotion_code(db, customer, data)
    for _ in range(TURNS):
        attempt = _open_attempt(db, customer)
        if attempt and not _serves(db, attempt, plan, code):
            _close(db, attempt)
            attempt = None
        if attempt is None:
            _look(db, customer)
            # The customer was deleted at Stripe, and we had not heard.
            if customer.gone_at is not None:
                customer = customers.ensure_customer(db, user)
            attempt = _begin(db, user, customer, plan, code)
        session = _session_of(db, attempt) if attempt else None
        if session and session.url:
            return CheckoutRead(session_id=session.id, url=session.url)
    raise CheckoutBusy


def _promotion_code(db: Session, customer: Customer, data: CheckoutCreate) -> str | None:
    if data.promotion_code is None:
        return None
    assert customer.stripe_id
    end_before_waiting(db)
    code = gateway.find_promotion_code(data.promotion_code, customer.stripe_id)
    if code is None:
        raise PromotionCodeUnknown
    return code


def _open_attempt(db: Session, customer: Customer) -> CheckoutAttempt | None:
    held = select(CheckoutAttempt).where(CheckoutAttempt.open_customer_id == customer.id)
    loaded = held.options(joinedload(CheckoutAttempt.plan)).execution_options(
        populate_existing=True
    )
    return db.scalar(loaded)


def _serves(db: Session, attempt: CheckoutAttempt, plan: Plan, code: str | None) -> bool:
    """Return whether the attempt is for the same choice, and Stripe still knows its
    session or its key.
    """
    return (attempt.plan_id, attempt.promotion_code) == (plan.id, code) and _is_known(db, attempt)


def _is_known(db: Session, attempt: CheckoutAttempt) -> bool:
    return attempt.stripe_id is not None or attempt.created_at > clock.read(db) - KEY_LIFE


def _close(db: Session, attempt: CheckoutAttempt) -> None:
    """Make sure that the session of the attempt can no longer be paid.

    If the response with the session was lost, the session is requested again with the
    same key, to learn its id.
    """
    is_known = _is_known(db, attempt)
    end_before_waiting(db)
    if is_known:
        gateway.close_session(attempt.stripe_id or _create(db, attempt).id)
    _give_up(db, attempt)


def _give_up(db: Session, attempt: CheckoutAttempt) -> None:
    db.refresh(attempt, with_for_update={"of": CheckoutAttempt})
    attempt.open_customer_id, attempt.closed_at = None, attempt.closed_at or clock.now()
    end_before_waiting(db)


def _look(db: Session, customer: Customer) -> None:
    """Refresh the payer from Stripe, because we may not have heard of a payment that
    was just made.
    """
    end_before_waiting(db)
    sync.look(db, customer.id)
    end_before_waiting(db)


def _begin(
    db: Session, user: User, customer: Customer, plan: Plan, code: str | None
) -> CheckoutAttempt | None:
    """Store the payer's attempt before Stripe is called.

    The result is `None` if another request has one. The lock is the one under which
    subscriptions are written. The deletion of the account locks the same rows in the
    same order. So either the deletion sees this attempt, or this function sees that the
    account is gone. Raises `AlreadySubscribed`.
    """
    demand_again(db)
    db.refresh(customer, with_for_update=True)
    if service.has_live_subscription(db, user):
        raise AlreadySubscribed
    trial_days = 0 if customers.had_trial(db, customer) else plan.trial_days
    attempt = CheckoutAttempt(
        customer_id=customer.id,
        open_customer_id=customer.id,
        plan=plan,
        promotion_code=code,
        trial_days=trial_days,
        key=uuid4().hex,
    )
    try:
        with (
            db.begin_nested(),
            conflicts({"uq_checkout_attempts_open_customer_id": _BegunMeanwhile}),
        ):
            db.add(attempt)
            db.flush()
    except _BegunMeanwhile:
        return None
    end_before_waiting(db)
    return attempt


def _session_of(db: Session, attempt: CheckoutAttempt) -> SeenSession | None:
    """Return Stripe's session for the attempt.

    If the session is no longer open, the attempt is given up, and the result is `None`.
    """
    end_before_waiting(db)
    session = gateway.find_session(attempt.stripe_id) if attempt.stripe_id else _create(db, attempt)
    if session.status != "open":
        _give_up(db, attempt)
        return None
    db.refresh(attempt, with_for_update={"of": CheckoutAttempt})
    attempt.stripe_id, attempt.url = session.id, session.url
    end_before_waiting(db)
    try:
        demand_again(db)
    except AppError:
        _close(db, attempt)
        raise
    return session


def _create(db: Session, attempt: CheckoutAttempt) -> SeenSession:
    """Create the session at Stripe.

    Raises `PromotionCodeUnknown`, `PlanUnavailable`, `CurrencyMismatch`,
    `StripeRefused`. After these, the attempt is over, because it would be refused
    again.
    """
    order, plan = _order(db, attempt), attempt.plan
    end_before_waiting(db)
    try:
        return gateway.create_session(order)
    except StripeRefused as refusal:
        _give_up(db, attempt)
        demand_again(db)  # if the account was deleted, so was the customer
        # The code is valid, but not for this payer or this plan.
        if refusal.parameter.startswith("discounts"):
            raise PromotionCodeUnknown from refusal
        raise refusals.meaning(refusal, plan) from refusal


def _order(db: Session, attempt: CheckoutAttempt) -> Order:
    customer = db.get_one(Customer, attempt.customer_id)
    assert customer.stripe_id
    assert attempt.plan.stripe_price_id
    return Order(
        key=attempt.key,
        customer_id=customer.stripe_id,
        price_id=attempt.plan.stripe_price_id,
        trial_days=attempt.trial_days,
        trial_needs_card=attempt.plan.trial_needs_card,
        promotion_code=attempt.promotion_code,
        success_url=service.return_url("/billing/success?session_id={CHECKOUT_SESSION_ID}"),
        cancel_url=service.return_url("/billing"),
    )
