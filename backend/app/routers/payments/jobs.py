"""Work that follows events and requests, and what comes again. What asks Stripe has a thread of its own."""

from datetime import timedelta
from typing import Any

from sqlalchemy import and_, delete, or_, select
from sqlalchemy.orm import Session

from app.core.config import get_settings
from app.db import clock
from app.platform.jobs import Failure, FailureHandler, alone, enqueue, job, recurring
from app.routers.auth.models import User

from . import customers, forgetting, gateway, ledger, plans, sync
from .alarms import alarm
from .clock import payments_now
from .models import CheckoutAttempt, Customer, Subscription, WebhookEvent
from .queries import LIVE

EVENTS_KEPT = timedelta(days=90)  # Stripe itself shows them for 30
LATE = timedelta(hours=1)  # after the end of a period, or the beginning of a checkout, something should have been heard
BATCH = 500


@job("payments.process_event", outside=True, failed=ledger.note_failure)
def process_event(db: Session, payload: dict[str, Any]) -> None:
    ledger.process(db, payload["id"])


@job("payments.look", outside=True)
def look(db: Session, payload: dict[str, Any]) -> None:
    with alone(f"look {payload['customer_id']}"):
        sync.look(db, payload["customer_id"])


def _alarmed(what: str) -> FailureHandler:
    """For jobs on which somebody's money or data hangs: a person has to know when they are given up on."""

    def note(_db: Session, payload: dict[str, Any], failure: Failure) -> None:
        if failure.is_final:
            alarm(what, **payload, reason=failure.error)

    return note


@job("payments.end_duplicate", outside=True, failed=_alarmed("duplicate_not_ended"))
def end_duplicate(_db: Session, payload: dict[str, Any]) -> None:
    gateway.end_and_refund(payload["subscription"])


@job("payments.forget_customer", outside=True, failed=_alarmed("customer_not_forgotten"))
def forget_customer(db: Session, payload: dict[str, Any]) -> None:
    if forgetting.forget(payload):
        sync.look_soon(db, payload["customer_id"])


@job("payments.send_email", outside=True)
def send_email(db: Session, payload: dict[str, Any]) -> None:
    customers.send_email(db, payload["customer_id"])


@job("payments.close_pages", outside=True)
def close_pages(db: Session, payload: dict[str, Any]) -> None:
    """Of a disabled account: what was begun before is not paid any more."""
    gateway.close_sessions(payload["stripe_id"])
    sync.look_soon(db, payload["customer_id"])


@job("payments.sync_plans", outside=True)
def sync_plans(db: Session, _payload: dict[str, Any]) -> None:
    plans.sync(db)


@recurring("payments.sweep", every=timedelta(minutes=1))
def sweep(db: Session, _payload: dict[str, Any]) -> None:
    """Events that lost their job get one."""
    ledger.sweep(db)


@recurring("payments.catch_up", every=timedelta(minutes=10))
def catch_up(db: Session, _payload: dict[str, Any]) -> None:
    """Look at payers of whom something should have been heard: events can be lost on their way to us, too."""
    customers.keep_person_key(db)
    if not get_settings().payments_enabled:
        return
    overdue = payments_now(db) - LATE
    waiting = select(CheckoutAttempt.customer_id).where(
        CheckoutAttempt.open_customer_id.is_not(None),
        CheckoutAttempt.stripe_id.is_not(None),
        CheckoutAttempt.created_at < clock.now(-LATE),
    )
    late = or_(Subscription.current_period_end < overdue, Subscription.status == "past_due")
    begun = and_(Subscription.status == "incomplete", Subscription.started_at < overdue)  # Stripe gives it a day
    silent = select(Subscription.customer_id).where(or_(and_(Subscription.status.in_(LIVE), late), begun))
    due = select(Customer.id).where(or_(Customer.id.in_(waiting), Customer.id.in_(silent)), Customer.gone_at.is_(None))
    # Each look touches the row: who was not looked at for the longest time comes first, however many are due.
    for customer_id in db.scalars(due.order_by(Customer.updated_at, Customer.id).limit(BATCH)):
        key = f"catch up {customer_id}"
        enqueue(db, "payments.look", {"customer_id": customer_id}, key=key)
    _close_pages_of_disabled(db)


def _close_pages_of_disabled(db: Session) -> None:
    """A disabled user keeps what they have, and begins nothing: a page of Stripe's that they have open is closed."""
    begun = select(Customer.id, Customer.stripe_id).join(Customer.user).where(~User.is_active)
    begun = begun.join(CheckoutAttempt, CheckoutAttempt.open_customer_id == Customer.id)
    for customer_id, stripe_id in db.execute(begun.limit(BATCH)):
        payload = {"customer_id": customer_id, "stripe_id": stripe_id}
        enqueue(db, "payments.close_pages", payload, key=f"close pages {customer_id}")


@recurring("payments.purge", every=timedelta(hours=1))
def purge(db: Session, _payload: dict[str, Any]) -> None:
    """Delete events that nobody asks for any more; they hold addresses."""
    old = (WebhookEvent.processed_at < clock.now(-EVENTS_KEPT), WebhookEvent.outcome.is_not(None))
    db.execute(delete(WebhookEvent).where(*old).execution_options(synchronize_session=False))
