"""The clock of payments: grace periods and dunning follow it.

Tokens and sessions follow the real time.

Stripe's test clocks, and the simulator's, run ahead of ours, and their events carry
simulated times. Outside production, staging included, an event tells how far ahead
Stripe is, and payments follow it. A customer on a test clock follows the events of that
customer alone, and moves no other customer. In production the time is the real one,
from the database.
"""

from datetime import datetime, timedelta

from sqlalchemy import and_, or_, select
from sqlalchemy.orm import Session

from app.core.config import get_settings
from app.db import clock

from .models import Customer, WebhookEvent

OF_CLOCKS = "test_helpers.%"  # Events about test clocks name no payer.
NOTABLE = timedelta(minutes=5)  # a smaller difference is normal between clocks


def seconds_ahead(created_at: datetime, at: datetime) -> int | None:
    """Return the lead to store with an event that arrives `at` this time of the
    database.
    """
    ahead = created_at - at
    return (
        int(ahead.total_seconds()) if ahead > NOTABLE and not get_settings().is_production else None
    )


def payments_now(db: Session, customer_id: int | None = None) -> datetime:
    """Return the time for this payer, or for everyone who is not on a test clock."""
    if get_settings().is_production:
        return clock.read(db)
    on_clocks = select(Customer.stripe_id).where(
        Customer.test_clock.is_not(None), Customer.stripe_id.is_not(None)
    )
    theirs = on_clocks.where(Customer.id == customer_id)
    # An event that names no payer, such as `invoice_payment.paid`, may be about a payer
    # who is on a test clock.
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
