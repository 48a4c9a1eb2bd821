"""Updates that wait for their invoice to be paid.

https://docs.stripe.com/billing/subscriptions/pending-updates
"""

from typing import Any

from simulator.billing import invoice_endings, schedule
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


def hold(subscription: Object, wanted: Object, invoice: str) -> None:
    """Keep what the subscription is to become until its invoice is paid.

    `wanted` is the subscription with the update.
    """
    changes: dict[str, Any] = {
        name: wanted[name] for name in CARRIED if wanted[name] != subscription[name]
    }
    subscription["_pending"] = {"invoice": invoice, "changes": changes}


def show(work: Work, subscription: Object) -> None:
    """Show the update, and when it must be paid, after its first attempt has failed."""
    changes = subscription["_pending"]["changes"]
    expires_at = min(work.now + TO_PAY, schedule.period_of(subscription)[1])
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


def apply(work: Work, subscription: Object, invoice: str) -> bool:
    """Apply the update that waited for this invoice. Return whether there was one.

    The caller stores and announces the subscription.
    """
    held = subscription.get("_pending")
    if not held or held["invoice"] != invoice:
        return False
    subscription |= held["changes"]
    drop(work, subscription)
    schedule.trial(work, subscription)
    schedule.period(work, subscription)
    return True


def discard(work: Work, subscription: Object) -> None:
    """Drop the update and void its invoice.

    The caller stores and announces the subscription.
    """
    held = subscription["_pending"]
    drop(work, subscription)
    invoice = work.get("invoice", held["invoice"])
    if invoice["status"] in {"draft", "open"}:
        invoice_endings.void(work, invoice)


def drop(work: Work, subscription: Object) -> None:
    subscription["pending_update"] = None
    subscription.pop("_pending", None)
    work.clear_timer("subscription.pending_update", subscription["id"])
