"""The demo's plans, loaded from `plans.toml`.

Their products and prices are created as soon as Stripe responds.
"""

from sqlalchemy.orm import Session

from app.core.config import get_settings
from app.platform.jobs import enqueue

from .plans import plan_file, publishing


def load(db: Session) -> None:
    """Store the plans, and queue a job that publishes them at Stripe.

    The job is queued only with a test key, so that no real money is involved.
    """
    publishing.store(db, plan_file.read())
    settings = get_settings()
    key = settings.stripe_secret_key.get_secret_value() if settings.stripe_secret_key else ""
    if settings.payments_enabled and "_test_" in key[:8]:
        enqueue(db, "payments.sync_plans", key=publishing.SYNC_KEY)
