"""Stripe's library for Node, a third-party client, works with the simulator.

The library also verifies the signatures of the webhooks.
"""

import json
import subprocess
from pathlib import Path

from tests.support import npm

FOLDER = Path(__file__).parent
EVENTS = {
    "charge.succeeded",
    "customer.created",
    "customer.subscription.created",
    "customer.subscription.deleted",
    "customer.subscription.updated",
    "customer.updated",
    "invoice.created",
    "invoice.finalized",
    "invoice.paid",
    "invoice.payment_succeeded",
    "payment_intent.succeeded",
    "payment_method.attached",
    "price.created",
    "product.created",
}


def test_a_subscription_from_its_price_to_its_end(simulator):
    npm.install(FOLDER)
    command = ["node", "flow.mjs", simulator.url, json.dumps(sorted(EVENTS))]
    done = subprocess.run(
        command, cwd=FOLDER, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout)
    delivered = seen.pop("delivered")
    assert seen == {
        "product": "Node",
        "statuses": ["active", "active", "canceled"],
        "repeated": True,
        "first": [1000, "paid", "paid"],
        "preview": [2000, [-1000, 3000]],
        "change": 2000,
        "errors": [
            "StripeCardError",
            "generic_decline",
            "StripeInvalidRequestError",
            "resource_missing",
            404,
        ],
        "totals": [2000, 1000],
    }
    assert set(delivered) >= EVENTS
