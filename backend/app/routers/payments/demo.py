"""The demo plans, loaded from `plans.toml`.

A job creates their products and prices at Stripe. The example event is signed with the
simulator's secret.
"""

import json
from typing import Any

from sqlalchemy.orm import Session

from app.core.config import get_settings
from app.platform.jobs import enqueue
from app.platform.live_examples import Live

from . import gateway
from .plans import plan_file, publishing
from .webhooks.receiving import EXAMPLE_EVENT

# The example event is signed as written by Swagger UI, by JSON.stringify and by
# Python's json.dumps, because a signature covers the exact bytes.
WAYS_TO_WRITE: tuple[dict[str, Any], ...] = ({"indent": 2}, {"separators": (",", ":")}, {})


def load(db: Session) -> None:
    """Store the plans, and queue a job that publishes them at Stripe.

    The job is queued only if the Stripe key is a test key, so that no real money is
    involved.
    """
    publishing.store_plans(db, plan_file.read_plan_file())
    settings = get_settings()
    key = settings.stripe_secret_key.get_secret_value() if settings.stripe_secret_key else ""
    if settings.payments_enabled and "_test_" in key[:8]:
        enqueue(db, "payments.sync_plans", key=publishing.SYNC_KEY)


def examples(_db: Session) -> dict[str, Live]:
    """Sign the example event, if the webhook secret belongs to the simulator.

    The signature is valid for five minutes, like every signature.
    """
    settings = get_settings()
    if settings.stripe_api_base != settings.simulator_url or not settings.stripe_webhook_secret:
        return {}
    written = [json.dumps(EXAMPLE_EVENT, **way).encode() for way in WAYS_TO_WRITE]
    header = gateway.sign(written, settings.stripe_webhook_secret[0])
    return {"payments_receive_webhook": Live(headers={"Stripe-Signature": header})}
