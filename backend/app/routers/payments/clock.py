"""The clock of payments. Grace and dunning are told by it, and nothing else: tokens and sessions keep real time.

Stripe's test clocks, and the simulator's, run ahead of ours; their events carry simulated times. Outside production,
in staging too, an event tells how far ahead Stripe is, and payments follow. A customer on a test clock lives by the
events of their own, and moves nobody else. In production it is the real time, that of the database.
"""

from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.core.config import get_settings
from app.db import clock

from .models import Customer, WebhookEvent

NOTABLE = timedelta(minutes=5)  # less is how clocks are


def seconds_ahead(created_at: datetime, at: datetime) -> int | None:
    """What to note of an event that arrives `at` this time of the database."""
    ahead = created_at - at
    return int(ahead.total_seconds()) if ahead > NOTABLE and not get_settings().is_production else None


def payments_now(db: Session, customer_id: int | None = None) -> datetime:
    """The time for this payer, or for everybody who is on no test clock."""
    if get_settings().is_production:
        return clock.read(db)
    payers = select(Customer.stripe_id).where(Customer.test_clock.is_(None))
    if db.scalar(select(Customer.test_clock).where(Customer.id == customer_id)):
        payers = select(Customer.stripe_id).where(Customer.id == customer_id)
    ahead = select(func.max(WebhookEvent.seconds_ahead), clock.now()).where(WebhookEvent.payer.in_(payers))
    seconds, at = db.execute(ahead).one()
    return at + timedelta(seconds=seconds or 0)
