"""Plans of the demo, loaded from `plans.toml` at once.

What they need at Stripe is created as soon as Stripe responds.
"""

from sqlalchemy.orm import Session

from app.core.config import get_settings
from app.platform.jobs import enqueue

from .plans import plan_file, publishing


def load(db: Session) -> None:
    """Store the plans, and have a worker bring Stripe in line.

    The worker does so only with a test key, so that no real money moves.
    """
    publishing.store(db, plan_file.read())
    settings = get_settings()
    key = settings.stripe_secret_key.get_secret_value() if settings.stripe_secret_key else ""
    if settings.payments_enabled and "_test_" in key[:8]:
        enqueue(db, "payments.sync_plans", key=publishing.SYNC_KEY)
