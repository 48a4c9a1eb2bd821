"""The payments clock, used for grace periods and reminders about unpaid invoices.

Tokens and sessions use real time.

The test clocks of Stripe and the simulator run ahead of our clock, and their events
have simulated times. In production, payments use the database's real time. In staging,
development and tests, each event tells how far Stripe's clock is ahead, and payments
use Stripe's clock. For a customer on a test clock, only the events of that customer
count, and they do not affect other customers.
"""

from datetime import datetime, timedelta

from sqlalchemy import and_, or_, select
from sqlalchemy.orm import Session

from app.core.config import get_settings
from app.db import clock

from .models import Customer, WebhookEvent

OF_CLOCKS = "test_helpers.%"  # types of events about test clocks themselves, which name no customer
NOTABLE = timedelta(minutes=5)  # smaller differences between clocks are normal


def seconds_ahead(created_at: datetime, at: datetime) -> int | None:
    """Return how many seconds Stripe's clock is ahead, to be stored with an event.

    `at` is the database's time at which the event arrived.
    """
    ahead = created_at - at
    return (
        int(ahead.total_seconds()) if ahead > NOTABLE and not get_settings().is_production else None
    )


def payments_now(db: Session, customer_id: int | None = None) -> datetime:
    """Return the current time for this payer. Without a payer, the time is valid for
    all payers who are not on a test clock.
    """
    if get_settings().is_production:
        return clock.read_database_time(db)
    on_clocks = select(Customer.stripe_id).where(
        Customer.test_clock.is_not(None), Customer.stripe_id.is_not(None)
    )
    theirs = on_clocks.where(Customer.id == customer_id)
    # An event without a payer, such as `invoice_payment.paid`, may belong to a payer on
    # a test clock. So such an event counts only while no payer is on a test clock.
    unnamed = and_(WebhookEvent.payer.is_(None), ~on_clocks.exists())
    others = or_(unnamed, WebhookEvent.payer.not_in(on_clocks))
    told = others if db.scalar(theirs) is None else WebhookEvent.payer.in_(theirs)
    ahead = (
        select(WebhookEvent.seconds_ahead)
        .where(told, WebhookEvent.seconds_ahead.is_not(None), WebhookEvent.type.not_like(OF_CLOCKS))
        .order_by(WebhookEvent.seconds_ahead.desc())
        .limit(1)
    )
    seconds, at = db.execute(select(ahead.scalar_subquery(), clock.now())).one()
    moment: datetime = at + timedelta(seconds=seconds or 0)
    return moment
