"""Reconciliation, which finds payers whose events may have been lost.

Each run syncs a limited number of payers in index order, and the next run continues
after them. So every payer gets a turn, however many payers there are, and no run reads
all subscriptions.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

from sqlalchemy import Row, Select, or_, select, true
from sqlalchemy.orm import Session

from app.db import clock
from app.platform.jobs import enqueue
from app.routers.auth.models import User
from app.routers.payments.clock import payments_now
from app.routers.payments.models import CheckoutAttempt, Customer, Subscription
from app.routers.payments.queries import CURRENT

LATE = timedelta(hours=1)  # time allowed after a period ends or a checkout begins
BATCH = 500  # subscriptions, checkouts or pages per run


def catch_up(db: Session, place: Mapping[str, Any]) -> dict[str, Any]:
    """Queue a sync of each payer in the next batch.

    Return the place at which the next run continues, or an empty place after the last
    batch.
    """
    subscriptions = list(islice(_silent_subscriptions(db, place.get("subscription")), BATCH))
    checkouts = db.execute(silent_checkouts(place.get("checkout", 0)).limit(BATCH)).all()
    found = {row.customer_id: row.gone_at for row in (*subscriptions, *checkouts)}
    for customer_id in (one for one, gone_at in found.items() if gone_at is None):
        enqueue(
            db, "payments.sync_payer", {"customer_id": customer_id}, key=f"catch up {customer_id}"
        )
    left: dict[str, Any] = {}
    if len(subscriptions) == BATCH:
        last = subscriptions[-1]
        left["subscription"] = [last.status, last.current_period_end.isoformat(), last.id]
    if len(checkouts) == BATCH:
        left["checkout"] = checkouts[-1].customer_id
    if last_page := close_pages_of_disabled(db, place.get("page", 0)):
        left["page"] = last_page
    return left


def _silent_subscriptions(
    db: Session, place: Sequence[Any] | None
) -> Iterator[Row[Any, Any, Any, Any, Any]]:
    """Yield silent subscriptions, ordered by status and then by period end.

    A subscription is silent if its period has ended, if it is past due, or if its first
    payment is still missing.
    """
    overdue = payments_now(db) - LATE
    reached, end, last = place or ("", datetime.min.replace(tzinfo=UTC).isoformat(), 0)
    for status in sorted(CURRENT):
        if status < reached:
            continue
        silent = silent_subscriptions(status, overdue)
        if status == reached:
            moment = datetime.fromisoformat(end)
            later = or_(Subscription.current_period_end > moment, Subscription.id > last)
            silent = silent.where(Subscription.current_period_end >= moment, later)
        yield from db.execute(silent.limit(BATCH))


def silent_subscriptions(status: str, overdue: datetime) -> Select[Any, Any, Any, Any, Any]:
    """Select the silent subscriptions with this status.

    An incomplete subscription expires at Stripe after one day.
    """
    silent = {
        "past_due": true(),
        "incomplete": Subscription.started_at < overdue,
    }.get(status, Subscription.current_period_end < overdue)
    return (
        select(
            Subscription.customer_id,
            Subscription.status,
            Subscription.current_period_end,
            Subscription.id,
            Customer.gone_at,
        )
        .join(Subscription.customer)
        .where(Subscription.status == status, silent)
        .order_by(Subscription.current_period_end, Subscription.id)
    )


def silent_checkouts(after: int) -> Select[Any, Any]:
    """Select overdue checkouts whose payers have ids above `after`."""
    return (
        select(CheckoutAttempt.open_customer_id.label("customer_id"), Customer.gone_at)
        .join(Customer, Customer.id == CheckoutAttempt.open_customer_id)
        .where(
            CheckoutAttempt.open_customer_id > after,
            CheckoutAttempt.stripe_id.is_not(None),
            CheckoutAttempt.created_at < clock.now(-LATE),
        )
        .order_by(CheckoutAttempt.open_customer_id)
    )


def close_pages_of_disabled(db: Session, after: int) -> int | None:
    """Queue jobs that close disabled users' open Stripe pages.

    A disabled user keeps their subscription, but cannot buy anything. Each call handles
    one batch of open pages, whose payers have ids above `after`. The result is the last
    payer id of the batch, or `None` after the last batch.
    """
    pages = db.execute(open_pages(after).limit(BATCH)).all()
    for customer_id, stripe_id, is_active in pages:
        if not is_active:
            payload = {"customer_id": customer_id, "stripe_id": stripe_id}
            enqueue(db, "payments.close_pages", payload, key=f"close pages {customer_id}")
    return pages[-1].id if len(pages) == BATCH else None


def open_pages(after: int) -> Select[Any, Any, Any]:
    """Select open Stripe pages, in index order."""
    return (
        select(Customer.id, Customer.stripe_id, User.is_active)
        .select_from(CheckoutAttempt)
        .join(Customer, Customer.id == CheckoutAttempt.open_customer_id)
        .join(Customer.user)
        .where(CheckoutAttempt.open_customer_id > after)
        .order_by(CheckoutAttempt.open_customer_id)
    )
