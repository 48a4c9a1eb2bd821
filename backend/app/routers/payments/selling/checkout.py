"""Checkout on Stripe's page. A payer gets one subscription, even if two tabs are open
or a response is lost.

1. A checkout begins only if the payer has no live subscription, in our tables or at
   Stripe.
2. A payer has at most one open Checkout session. Before Stripe is called, an attempt is
   stored: a row with the payer and with everything that is sent to Stripe. If the payer
   chooses another plan, the session of the previous attempt is first closed at Stripe.
3. If a second subscription is created anyway, the unique `live_customer_id` allows only
   one of the two subscriptions, and `sync.py` cancels and refunds the other.

Without the attempt, two tabs would create two subscriptions, and the payer would be
charged twice:

    tab A                                tab B
    no live subscription: continue
                                         no live subscription: continue
    Stripe makes session 1
                                         Stripe makes session 2
    the payer pays session 1, and finds the page of session 2 still open

No lock can prevent this, because a transaction must not stay open while Stripe is
called. The unique `open_customer_id` prevents session 2: the second insert fails, and
tab B gets session 1. If the response is lost, the row still has the Idempotency-Key,
for which Stripe returns the same session for at least 24 hours
(https://docs.stripe.com/api/idempotent_requests). The payer may pay a session just
before we close it. So once no session is open, Stripe is asked for new subscriptions.

A checkout is therefore a sequence of committed steps. `create_checkout` shows all
steps: each `commit_step` ends a step, and Stripe is called only when no transaction is
open. After the calls, the caller is checked again. If the account was deleted during
the calls, the session that Stripe has just created is closed.
"""

from uuid import uuid4

from sqlalchemy import or_, select
from sqlalchemy.orm import Session, joinedload

from app.core.errors import AppError, Conflict, Unprocessable
from app.db import clock
from app.db.database import commit_step
from app.db.demands import demand_again
from app.db.insertion import insert_if_absent
from app.routers.auth.models import User
from app.routers.payments import gateway, service
from app.routers.payments.gateway import Order, SeenSession, StripeRefused
from app.routers.payments.mirror import sync
from app.routers.payments.models import CheckoutAttempt, Customer, Plan
from app.routers.payments.schemas import CheckoutCreate, CheckoutRead
from app.routers.payments.service import AlreadySubscribed

from . import customers, refusals

# Maximum number of attempts to begin a checkout. An attempt fails if another request
# from the same payer is faster.
TURNS = 5
KEY_LIFE = customers.KEY_LIFE


class CheckoutBusy(Conflict):
    """Other requests from the same user started checkouts at the same time."""

    code = "checkout_busy"
    detail = "Another checkout of yours is being created. Try again in a moment."


class PromotionCodeUnknown(Unprocessable):
    code = "promotion_code_unknown"
    detail = "This promotion code is not valid. Check it, or leave it out."


def create_checkout(db: Session, user: User, data: CheckoutCreate) -> CheckoutRead:
    """Return the Stripe page on which to subscribe to a plan.

    Repeated calls with the same choices return the same session for as long as it is
    open. Raises `PlanNotFound`, `PlanNotForSale`, `PlanNotReady`, `AlreadySubscribed`,
    `PromotionCodeUnknown`, `CheckoutBusy`, `CurrencyMismatch`, `PaymentsUnavailable`.
    """
    plan = service.get_plan_for_sale(db, data.plan)
    if service.has_live_subscription(db, user):
        raise AlreadySubscribed
    customer = customers.ensure_customer(db, user)  # may call Stripe
    code = None
    if data.promotion_code is not None:
        commit_step(db)
        code = _ask_for_promotion_code(data.promotion_code, customer)
    for _ in range(TURNS):
        attempt, is_known = _find_open_attempt(db, customer)
        commit_step(db)
        if attempt and not (is_known and _has_choices(attempt, plan, code)):
            if is_known:
                _close_session(db, attempt, customer)
            _end_attempt(db, attempt)
            commit_step(db)
            attempt = None
        if attempt is None:
            # The event about a recent payment may not have arrived yet.
            sync.sync_payer(db, customer.id)
            commit_step(db)
            if customer.gone_at is not None:  # the customer was deleted at Stripe
                customer = customers.ensure_customer(db, user)
                commit_step(db)
            attempt = begin_attempt(db, user, customer, plan, code)
            commit_step(db)
        if attempt is None:
            continue  # another request from the same payer was faster
        session = _ask_for_session(db, attempt, customer)
        is_open = _store_session(db, attempt, session)
        commit_step(db)
        if is_open and session.url:
            _demand_again_or_close(db, attempt)
            return CheckoutRead(session_id=session.id, url=session.url)
    raise CheckoutBusy


def _ask_for_promotion_code(code: str, customer: Customer) -> str:
    assert customer.stripe_id
    found = gateway.find_promotion_code(code, customer.stripe_id)
    if found is None:
        raise PromotionCodeUnknown
    return found


def _find_open_attempt(db: Session, customer: Customer) -> tuple[CheckoutAttempt | None, bool]:
    """Return the payer's open attempt, and whether Stripe still knows about it.

    Stripe knows about an attempt if we have its session id, or if Stripe still
    remembers the attempt's Idempotency-Key.
    """
    is_known = or_(
        CheckoutAttempt.stripe_id.is_not(None), CheckoutAttempt.created_at > clock.now(-KEY_LIFE)
    )
    held = (
        select(CheckoutAttempt, is_known)
        .where(CheckoutAttempt.open_customer_id == customer.id)
        .options(joinedload(CheckoutAttempt.plan))
        .execution_options(populate_existing=True)
    )
    attempt, known = db.execute(held).one_or_none() or (None, False)
    return attempt, bool(known)


def _has_choices(attempt: CheckoutAttempt, plan: Plan, code: str | None) -> bool:
    return (attempt.plan_id, attempt.promotion_code) == (plan.id, code)


def _close_session(db: Session, attempt: CheckoutAttempt, customer: Customer) -> None:
    """Ensure that the attempt's session can no longer be paid.

    If the response that contained the session was lost, the session is requested again
    with the same key, to learn its id.
    """
    session_id = attempt.stripe_id or _create_session(db, attempt, customer).id
    gateway.close_session(session_id)


def _end_attempt(db: Session, attempt: CheckoutAttempt) -> None:
    db.refresh(attempt, with_for_update={"of": CheckoutAttempt})
    attempt.open_customer_id, attempt.closed_at = None, attempt.closed_at or clock.now()


def begin_attempt(
    db: Session, user: User, customer: Customer, plan: Plan, code: str | None
) -> CheckoutAttempt | None:
    """Store the payer's attempt before Stripe is called.

    Returns `None` if another request has stored an attempt. The payer's row is locked
    here and wherever subscriptions are written. Deleting the account locks the same
    rows in the same order. So either the deletion sees this attempt, or this function
    sees that the account was deleted. Raises `AlreadySubscribed`.
    """
    demand_again(db)
    db.refresh(customer, with_for_update=True)
    if service.has_live_subscription(db, user):
        raise AlreadySubscribed
    may_try = plan.trial_days and not customers.had_trial(db, customer)
    attempt = CheckoutAttempt(
        customer_id=customer.id,
        open_customer_id=customer.id,
        plan=plan,
        promotion_code=code,
        trial_days=plan.trial_days if may_try else 0,
        key=uuid4().hex,
    )
    is_ours = insert_if_absent(db, attempt, "uq_checkout_attempts_open_customer_id")
    return attempt if is_ours else None


def _ask_for_session(db: Session, attempt: CheckoutAttempt, customer: Customer) -> SeenSession:
    if attempt.stripe_id:
        return gateway.find_session(attempt.stripe_id)
    return _create_session(db, attempt, customer)


def _store_session(db: Session, attempt: CheckoutAttempt, session: SeenSession) -> bool:
    """Store the attempt's Stripe session, and return whether the session is open.

    If the session is not open, the attempt has ended.
    """
    if session.status != "open":
        _end_attempt(db, attempt)
        return False
    db.refresh(attempt, with_for_update={"of": CheckoutAttempt})
    attempt.stripe_id, attempt.url = session.id, session.url
    return True


def _demand_again_or_close(db: Session, attempt: CheckoutAttempt) -> None:
    """Check the caller again, and close the session if the caller is refused.

    This way nobody can pay a session whose page was not returned.
    """
    try:
        demand_again(db)
    except AppError:
        assert attempt.stripe_id
        commit_step(db)
        gateway.close_session(attempt.stripe_id)
        _end_attempt(db, attempt)
        commit_step(db)
        raise


def _create_session(db: Session, attempt: CheckoutAttempt, customer: Customer) -> SeenSession:
    """Create the session at Stripe.

    Raises `PromotionCodeUnknown`, `PlanUnavailable`, `CurrencyMismatch`,
    `StripeRefused`. After any of these errors, the attempt has ended, because Stripe
    would refuse the same request again.
    """
    plan = attempt.plan
    try:
        return gateway.create_session(_order(attempt, plan, customer))
    except StripeRefused as refusal:
        _end_attempt(db, attempt)
        commit_step(db)
        demand_again(db)  # the refusal may be due to a deleted account
        # The promotion code is valid, but not for this payer or this plan.
        if refusal.parameter.startswith("discounts"):
            raise PromotionCodeUnknown from refusal
        raise refusals.error_for_refusal(refusal, plan) from refusal


def _order(attempt: CheckoutAttempt, plan: Plan, customer: Customer) -> Order:
    assert customer.stripe_id
    assert plan.stripe_price_id
    return Order(
        key=attempt.key,
        customer_id=customer.stripe_id,
        price_id=plan.stripe_price_id,
        trial_days=attempt.trial_days,
        trial_needs_card=plan.trial_needs_card,
        promotion_code=attempt.promotion_code,
        success_url=service.return_url("/billing/success?session_id={CHECKOUT_SESSION_ID}"),
        cancel_url=service.return_url("/billing"),
    )
