"""The plans of `plans.toml`, at once; what they need at Stripe is made as soon as it answers."""

from sqlalchemy.orm import Session

from app.core.config import get_settings
from app.platform.jobs import enqueue

from . import catalogue, plans


def load(db: Session) -> None:
    """Show the plans, and have a worker bring Stripe in line: only where no real money moves."""
    plans.store(db, catalogue.read())
    settings = get_settings()
    key = settings.stripe_secret_key.get_secret_value() if settings.stripe_secret_key else ""
    if settings.payments_enabled and "_test_" in key[:8]:
        enqueue(db, "payments.sync_plans", key=plans.SYNC_KEY)
