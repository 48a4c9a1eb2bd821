"""To subscribe on Stripe's page, once: two tabs, two clicks or a lost answer never make two subscriptions.

1. Before the page: no live subscription, neither here nor at Stripe.
2. One session of a payer may be open. Its attempt is a row that holds the payer, kept with all that is sent before
   Stripe is asked; another plan closes the session of the attempt before at Stripe, and only then makes its own.
3. What slips through anyway meets the unique `live_customer_id` (`sync.py`), and is undone.

Whoever asks is looked at again after each wait for Stripe: for an account that is gone by then, the session that Stripe
has just made is closed (R21).
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

from . import customers, gateway, refusals, service, sync
from .gateway import Order, SeenSession, StripeRefused
from .models import CheckoutAttempt, Customer, Plan
from .schemas import CheckoutCreate, CheckoutRead
from .service import AlreadySubscribed

TURNS = 5  # others of the same payer that may come in between, until this request gives up
KEY_LIFE = customers.KEY_LIFE


class CheckoutBusy(Conflict):
    """Other requests of the same user kept beginning checkouts."""

    code = "checkout_busy"
    detail = "Another checkout of yours is being created. Try again in a moment."


class PromotionCodeUnknown(Unprocessable):
    code = "promotion_code_unknown"
    detail = "This promotion code is not valid. Check it, or leave it out."


class _BegunMeanwhile(Conflict):
    """Never leaves this module: another request has the payer's open attempt."""


def create_checkout(db: Session, user: User, data: CheckoutCreate) -> CheckoutRead:
    """Where to subscribe to a plan. The same session again while it is open and nothing else was chosen.

    Raises `PlanNotFound`, `PlanNotForSale`, `PlanNotReady`, `AlreadySubscribed`, `PromotionCodeUnknown`,
    `CheckoutBusy`, `CurrencyMismatch`, `PaymentsUnavailable`.
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
            if customer.gone_at is not None:  # deleted at Stripe, which nobody had told us
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
    loaded = held.options(joinedload(CheckoutAttempt.plan)).execution_options(populate_existing=True)
    return db.scalar(loaded)


def _serves(db: Session, attempt: CheckoutAttempt, plan: Plan, code: str | None) -> bool:
    """Whether the attempt is for the same thing, and Stripe still knows its session or its key."""
    return (attempt.plan_id, attempt.promotion_code) == (plan.id, code) and _is_known(db, attempt)


def _is_known(db: Session, attempt: CheckoutAttempt) -> bool:
    return attempt.stripe_id is not None or attempt.created_at > clock.read(db) - KEY_LIFE


def _close(db: Session, attempt: CheckoutAttempt) -> None:
    """Its session can no longer be paid. One whose answer was lost is asked for again, to know which it is."""
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
    """Now that no session is open: what was just paid may not have been told to us yet."""
    end_before_waiting(db)
    sync.look(db, customer.id)
    end_before_waiting(db)


def _begin(db: Session, user: User, customer: Customer, plan: Plan, code: str | None) -> CheckoutAttempt | None:
    """The payer's attempt, kept before Stripe is asked; None where another request has one.

    Raises `AlreadySubscribed`: under the lock under which subscriptions are written. The deletion of the account locks
    the same rows in the same order, so either it sees this attempt, or this sees that nobody asks any more.
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
        with db.begin_nested(), conflicts({"uq_checkout_attempts_open_customer_id": _BegunMeanwhile}):
            db.add(attempt)
            db.flush()
    except _BegunMeanwhile:
        return None
    end_before_waiting(db)
    return attempt


def _session_of(db: Session, attempt: CheckoutAttempt) -> SeenSession | None:
    """Stripe's page for the attempt; None where it is over, and the attempt with it."""
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
    """Raises `PromotionCodeUnknown`, `PlanUnavailable`, `CurrencyMismatch`, `StripeRefused`.

    After these the attempt is over: it would be refused again.
    """
    order, plan = _order(db, attempt), attempt.plan
    end_before_waiting(db)
    try:
        return gateway.create_session(order)
    except StripeRefused as refusal:
        _give_up(db, attempt)
        demand_again(db)  # where the account was deleted, so was the customer
        if refusal.parameter.startswith("discounts"):  # a code can be used, but not by this payer or for this plan
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
