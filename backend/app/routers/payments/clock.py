"""The clock of payments. Grace and dunning are told by it, and nothing else: tokens and sessions keep real time.

Stripe's test clocks, and the simulator's, run ahead of ours; their events carry simulated times. Outside production,
in staging too, an event tells how far ahead Stripe is, and payments follow. A customer on a test clock lives by the
events of their own, and moves nobody else. In production it is the real time, that of the database.
"""

from datetime import datetime, timedelta

from sqlalchemy import and_, or_, select
from sqlalchemy.orm import Session

from app.core.config import get_settings
from app.db import clock

from .models import Customer, WebhookEvent

OF_CLOCKS = "test_helpers.%"  # events about test clocks name no payer
NOTABLE = timedelta(minutes=5)  # less is how clocks are


def seconds_ahead(created_at: datetime, at: datetime) -> int | None:
    """What to note of an event that arrives `at` this time of the database."""
    ahead = created_at - at
    return int(ahead.total_seconds()) if ahead > NOTABLE and not get_settings().is_production else None


def payments_now(db: Session, customer_id: int | None = None) -> datetime:
    """The time for this payer, or for everybody who is on no test clock."""
    if get_settings().is_production:
        return clock.read(db)
    on_clocks = select(Customer.stripe_id).where(Customer.test_clock.is_not(None), Customer.stripe_id.is_not(None))
    theirs = on_clocks.where(Customer.id == customer_id)
    # An event that names no payer, such as `invoice_payment.paid`, may be about one who is on a clock.
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
