"""Updates of a subscription that take effect only when their invoice is paid.

https://docs.stripe.com/billing/subscriptions/pending-updates
"""

from typing import Any

from simulator.billing import invoice_endings, subscription_timers
from simulator.durations import HOUR
from simulator.objects import Object
from simulator.state.work import Work

TO_PAY = 23 * HOUR
CARRIED = (
    "items",
    "_debits",
    "billing_cycle_anchor",
    "trial_start",
    "trial_end",
    "status",
    "discounts",
    "metadata",
)
"""The fields that a pending update may change."""


def hold_pending_update(subscription: Object, wanted: Object, invoice: str) -> None:
    """Store a pending update until its invoice is paid.

    `wanted` is the subscription with the update.
    """
    changes: dict[str, Any] = {
        name: wanted[name] for name in CARRIED if wanted[name] != subscription[name]
    }
    subscription["_pending"] = {"invoice": invoice, "changes": changes}


def show_pending_update(work: Work, subscription: Object) -> None:
    """Show the pending update with a deadline, after the first payment has failed."""
    changes = subscription["_pending"]["changes"]
    expires_at = min(work.now + TO_PAY, subscription_timers.period_of(subscription)[1])
    subscription["pending_update"] = {
        "billing_cycle_anchor": changes.get("billing_cycle_anchor"),
        "cancel_at_period_end": None,
        "discount": None,
        "discounts": changes.get("discounts"),
        "expires_at": expires_at,
        "metadata": changes.get("metadata"),
        "subscription_items": changes["items"]["data"] if "items" in changes else None,
        "trial_end": changes.get("trial_end"),
        "trial_from_plan": None,
    }
    work.set_timer("subscription.pending_update", subscription["id"], expires_at)


def apply_pending_update(work: Work, subscription: Object, invoice: str) -> bool:
    """Apply the update that waited for this invoice, and return whether there was one.

    The caller stores and announces the subscription.
    """
    held = subscription.get("_pending")
    if not held or held["invoice"] != invoice:
        return False
    subscription |= held["changes"]
    clear_pending_update(work, subscription)
    subscription_timers.set_trial_timer(work, subscription)
    subscription_timers.set_period_timer(work, subscription)
    return True


def discard_pending_update(work: Work, subscription: Object) -> None:
    """Drop the pending update, and void the invoice that it waited for.

    The caller stores and announces the subscription.
    """
    held = subscription["_pending"]
    clear_pending_update(work, subscription)
    invoice = work.get("invoice", held["invoice"])
    if invoice["status"] in {"draft", "open"}:
        invoice_endings.void(work, invoice)


def clear_pending_update(work: Work, subscription: Object) -> None:
    subscription["pending_update"] = None
    subscription.pop("_pending", None)
    work.clear_timer("subscription.pending_update", subscription["id"])
