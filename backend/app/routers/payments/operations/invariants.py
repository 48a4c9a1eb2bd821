"""Rules that always hold in our own tables, whatever state Stripe's objects have."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import ColumnElement, and_, func, or_, select
from sqlalchemy.orm import Session

from app.db import clock
from app.routers.payments.mirror import forgetting
from app.routers.payments.models import CheckoutAttempt, Customer, Subscription, WebhookEvent
from app.routers.payments.queries import LIVE
from app.routers.payments.webhooks.processing import Outcome

WAITED_TOO_LONG = timedelta(minutes=5)


@dataclass(frozen=True)
class Broken:
    """A row that breaks a rule."""

    subject: str
    rule: str
    found: str


def broken_invariants(db: Session) -> Iterator[Broken]:
    yield from _places(db)
    yield from _open_checkouts(db)
    yield from _events(db)
    yield from _deleted_accounts(db)


def _deleted_accounts(db: Session) -> Iterator[Broken]:
    """Check that a deleted account has no subscription, checkout or email address.

    If changes arrive after the deletion, a job undoes them within seconds, provided
    that Stripe responds. A disabled user keeps everything.
    """
    orphans = forgetting.orphans()
    live = select(Subscription.stripe_id, Subscription.status).where(
        Subscription.live_customer_id.in_(orphans)
    )
    for row in db.execute(live):
        yield Broken(row.stripe_id, "a deleted account has no subscription", row.status)
    begun = select(CheckoutAttempt.id, CheckoutAttempt.stripe_id).where(
        CheckoutAttempt.open_customer_id.in_(orphans)
    )
    for attempt_id, stripe_id in db.execute(begun):
        yield Broken(
            stripe_id or f"attempt {attempt_id}", "a deleted account has no open checkout", "open"
        )
    known = select(Customer.id, Customer.stripe_id).where(
        Customer.id.in_(orphans), Customer.email != ""
    )
    for customer_id, stripe_id in db.execute(known):
        yield Broken(
            stripe_id or f"customer {customer_id}",
            "a deleted account has no email address",
            "an address",
        )


def _places(db: Session) -> Iterator[Broken]:
    """Check that exactly one of a payer's live subscriptions is marked as such.

    The mark is `live_customer_id`. A subscription that is not live must not have it.
    """
    payers = (
        select(Subscription.customer_id)
        .where(Subscription.status.in_(LIVE))
        .group_by(Subscription.customer_id)
    )
    for customer_id in db.scalars(payers.having(func.count(Subscription.live_customer_id) != 1)):
        stripe_id = db.scalar(select(Customer.stripe_id).where(Customer.id == customer_id))
        yield Broken(
            stripe_id or f"customer {customer_id}", "one live subscription is marked", "not one"
        )
    ended = (Subscription.live_customer_id.is_not(None), Subscription.status.not_in(LIVE))
    for row in db.execute(select(Subscription.stripe_id, Subscription.status).where(*ended)):
        yield Broken(row.stripe_id, "a subscription that is not live is not marked", row.status)


def _open_checkouts(db: Session) -> Iterator[Broken]:
    """Check that no subscriber has an open checkout, which could create a second
    subscription.
    """
    both = select(CheckoutAttempt.id, CheckoutAttempt.stripe_id).join(
        Subscription, Subscription.live_customer_id == CheckoutAttempt.open_customer_id
    )
    for row in db.execute(both):
        yield Broken(
            row.stripe_id or f"attempt {row.id}",
            "a subscriber has no open checkout",
            "open",
        )


def _events(db: Session) -> Iterator[Broken]:
    lost = select(WebhookEvent).where(lost_events()).order_by(WebhookEvent.id).limit(100)
    for event in db.scalars(lost):
        yield Broken(
            event.event_id, f"every event is processed ({event.type})", event.outcome or "waits"
        )


def lost_events() -> ColumnElement[bool]:
    """Match events that should have been processed by now.

    These events failed for good, have waited too long, or were parked although their
    payer is known now.
    """
    known = select(Customer.stripe_id).where(Customer.stripe_id.is_not(None))
    return or_(
        WebhookEvent.outcome == Outcome.DEAD,
        and_(
            WebhookEvent.outcome.is_(None), WebhookEvent.received_at < clock.now(-WAITED_TOO_LONG)
        ),
        and_(WebhookEvent.outcome == Outcome.PARKED, WebhookEvent.payer.in_(known)),
    )
