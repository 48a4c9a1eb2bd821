"""Updates that wait for their invoice to be paid
(https://docs.stripe.com/billing/subscriptions/pending-updates).
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
"""What an update that can wait may change."""


def hold(subscription: Object, wanted: Object, invoice: str) -> None:
    """Keep what the subscription is to become, until its invoice is paid. `wanted` is
    it with the update.
    """
    changes: dict[str, Any] = {
        name: wanted[name] for name in CARRIED if wanted[name] != subscription[name]
    }
    subscription["_pending"] = {"invoice": invoice, "changes": changes}


def show(work: Work, subscription: Object) -> None:
    """The first attempt has failed: from now on the update can be seen, and has a time
    by which it must be paid.
    """
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
    """Whether the invoice that was paid had an update waiting for it. The caller stores
    and tells.
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
    """It will not happen any more, and its invoice is void. The caller stores and
    tells.
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
