"""Payments jobs: work that follows events and requests, recurring work, and purges.

Jobs that call Stripe run in a separate thread.
"""

from datetime import timedelta
from typing import Any

from sqlalchemy.orm import Session

from app.core.config import get_settings
from app.platform.jobs import Again, Failure, FailureHandler, exclusive_job, job, recurring
from app.platform.purges import purge

from . import gateway
from .alarms import raise_alarm
from .mirror import erasure, forgetting, reconciliation, sync
from .models import CheckoutAttempt, Customer, Notice, WebhookEvent
from .plans import publishing
from .selling import customers
from .webhooks import processing

CATCH_UP = timedelta(minutes=10)
EVENTS_KEPT = timedelta(days=90)  # Stripe itself shows events for 30 days
# Counted from the end of a checkout, to leave time for questions from the payer.
CHECKOUTS_KEPT = timedelta(days=30)
# A notice prevents a second email about the same period, which is at most a year.
NOTICES_KEPT = timedelta(days=400)
# Counted from the deletion of the account. A dispute can come months after a payment.
PAYERS_KEPT = timedelta(days=400)


@job("payments.process_event", outside=True, failed=processing.note_failure)
def process_event(db: Session, payload: dict[str, Any]) -> None:
    processing.process_event(db, payload["id"])


# Processes of the previous version may still queue `payments.look` during a rolling
# deployment.
@job("payments.look", outside=True)
@job("payments.sync_payer", outside=True)
def sync_payer(db: Session, payload: dict[str, Any]) -> None:
    with exclusive_job(f"sync {payload['customer_id']}"):
        sync.sync_payer(db, payload["customer_id"])


def _alarmed(what: str) -> FailureHandler:
    """Return a handler that raises an alarm when a job fails for good.

    These jobs protect users' money or data, so an operator has to know.
    """

    def note(_db: Session, payload: dict[str, Any], failure: Failure) -> None:
        if failure.is_final:
            raise_alarm(what, **payload, reason=failure.error)

    return note


@job("payments.end_duplicate", outside=True, failed=_alarmed("duplicate_not_ended"))
def end_duplicate(_db: Session, payload: dict[str, Any]) -> None:
    gateway.end_and_refund(payload["subscription"])


@job("payments.forget_customer", outside=True, failed=_alarmed("customer_not_forgotten"))
def forget_customer(db: Session, payload: dict[str, Any]) -> None:
    if forgetting.forget_at_stripe(payload):
        sync.sync_payer_soon(db, payload["customer_id"])


@job("payments.send_email", outside=True)
def send_email(db: Session, payload: dict[str, Any]) -> None:
    customers.send_email(db, payload["customer_id"])


@job("payments.close_pages", outside=True)
def close_pages(db: Session, payload: dict[str, Any]) -> None:
    """Close a disabled account's open Stripe pages, so that they can no longer be
    paid.
    """
    gateway.close_sessions(payload["stripe_id"])
    sync.sync_payer_soon(db, payload["customer_id"])


@job("payments.sync_plans", outside=True)
def sync_plans(db: Session, _payload: dict[str, Any]) -> None:
    publishing.sync_plans(db)


@recurring("payments.sweep", every=timedelta(minutes=1))
def sweep(db: Session, payload: dict[str, Any]) -> Again | None:
    """Queue a job for each waiting event whose job was lost."""
    last = processing.queue_lost_events(db, payload.get("after", 0))
    return Again(payload={"after": last}) if last else None


@recurring("payments.catch_up", every=CATCH_UP)
def catch_up(db: Session, payload: dict[str, Any]) -> Again | None:
    """Queue a sync of each payer whose events seem to be missing."""
    customers.keep_person_key(db)
    if not get_settings().payments_enabled:
        return None
    left = reconciliation.catch_up(db, payload)
    return Again(CATCH_UP, left) if left else None


purge(WebhookEvent.processed_at, kept=EVENTS_KEPT)
purge(CheckoutAttempt.closed_at, kept=CHECKOUTS_KEPT)
purge(Notice.created_at, erasure.is_settled(), kept=NOTICES_KEPT)
purge(Customer.forget_from, erasure.is_gone(), kept=PAYERS_KEPT, work=erasure.erase_payers)
