"""Work that follows events and requests, and what comes again. What asks Stripe has a thread of its own."""

from datetime import timedelta
from typing import Any

from sqlalchemy.orm import Session

from app.core.config import get_settings
from app.platform.jobs import Again, Failure, FailureHandler, job, recurring
from app.platform.purges import purge

from . import forgetting, gateway, ledger, plans, reconciliation, sync
from .alarms import alarm
from .models import CheckoutAttempt, Customer, Notice, WebhookEvent

CATCH_UP = timedelta(minutes=10)
EVENTS_KEPT = timedelta(days=90)  # Stripe itself shows them for 30
CHECKOUTS_KEPT = timedelta(days=30)  # after they were closed, for whoever asks what became of one
NOTICES_KEPT = timedelta(days=400)  # longer than the longest period, a year, of which a notice says something once
PAYERS_KEPT = timedelta(days=400)  # after the account was deleted: a dispute can come months after a payment


@job("payments.process_event", outside=True, failed=ledger.note_failure)
def process_event(db: Session, payload: dict[str, Any]) -> None:
    ledger.process(db, payload["id"])


@job("payments.look", outside=True)
def look(db: Session, payload: dict[str, Any]) -> None:
    sync.look(db, payload["customer_id"])


def _alarmed(what: str) -> FailureHandler:
    """For jobs on which somebody's money or data hangs: a person has to know when they are given up on."""

    def note(_db: Session, payload: dict[str, Any], failure: Failure) -> None:
        if failure.is_final:
            alarm(what, **payload, reason=failure.error)

    return note


@job("payments.end_duplicate", outside=True, failed=_alarmed("duplicate_not_ended"))
def end_duplicate(_db: Session, payload: dict[str, Any]) -> None:
    gateway.end_duplicate(payload["subscription"])


@job("payments.forget_customer", outside=True, failed=_alarmed("customer_not_forgotten"))
def forget_customer(db: Session, payload: dict[str, Any]) -> None:
    """With the customer its subscriptions end. Without an id of Stripe's it is looked for by the key of its creation.

    One that began just before the account was deleted, so that we did not know of it, is for a person: there may be
    money to give back.
    """
    stripe_id = payload.get("stripe_id") or gateway.find_customer(key=payload["key"], email=payload["email"])
    if stripe_id is None:
        return
    for bought in gateway.find_live(stripe_id):
        alarm("paid_without_account", customer=stripe_id, subscription=bought)
    gateway.delete_customer(stripe_id)
    sync.look_soon(db, payload["customer_id"])


@job("payments.sync_plans", outside=True)
def sync_plans(db: Session, _payload: dict[str, Any]) -> None:
    plans.sync(db)


@recurring("payments.sweep", every=timedelta(minutes=1))
def sweep(db: Session, payload: dict[str, Any]) -> Again | None:
    """Events that lost their job get one."""
    last = ledger.sweep(db, payload.get("after", 0))
    return Again(payload={"after": last}) if last else None


@recurring("payments.catch_up", every=CATCH_UP)
def catch_up(db: Session, payload: dict[str, Any]) -> Again | None:
    """Look at payers of whom something should have been heard."""
    if not get_settings().payments_enabled:
        return None
    left = reconciliation.catch_up(db, payload)
    return Again(CATCH_UP, left) if left else None


purge(WebhookEvent.processed_at, kept=EVENTS_KEPT)
purge(CheckoutAttempt.closed_at, kept=CHECKOUTS_KEPT)
purge(Notice.created_at, forgetting.is_settled(), kept=NOTICES_KEPT)
purge(Customer.forget_from, forgetting.is_gone(), kept=PAYERS_KEPT, work=forgetting.forget)
