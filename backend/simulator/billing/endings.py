"""How a subscription ends: immediately, with its period, after failed payments, or
before it has started.
"""

from typing import Any

from simulator.billing import (
    advancing,
    collection,
    invoice_endings,
    invoices,
    lines,
    settings,
    standing,
    subscription_schedules,
    subscription_timers,
)
from simulator.billing.invoices import Plan
from simulator.objects import Object
from simulator.state.work import Work

NO_END_PLANNED: Object = {"cancel_at": None, "cancel_at_period_end": False}
"""The fields of a subscription for which no end is planned."""


def cancel(
    work: Work,
    subscription: Object,
    *,
    prorate: bool = False,
    invoice_now: bool = False,
    reason: str,
) -> Object:
    """Cancel a subscription immediately.

    With `prorate`, unused time is credited. With `invoice_now`, pending items are
    invoiced. Without either, pending prorations are dropped.
    """
    if subscription["status"] == "incomplete":
        return expire(work, subscription)
    if prorate:
        _credit_all(work, subscription)
    if invoice_now:
        invoice_pending(work, subscription, "subscription_update")
    elif not prorate:
        _drop_prorations(work, subscription)
    details = subscription["cancellation_details"] | {"reason": reason}
    return _end(
        work, subscription, canceled_at=work.now, cancellation_details=details, **NO_END_PLANNED
    )


def ending_at(subscription: Object, now: int, *, at_period_end: bool) -> dict[str, Any]:
    """Return the fields that say whether a subscription ends with its period."""
    end = subscription_timers.period_of(subscription)[1]
    return {
        "cancel_at_period_end": at_period_end,
        "cancel_at": end if at_period_end else None,
        "canceled_at": now if at_period_end else None,
        "_prorates_end": False,
    }


def at_period_end(work: Work, subscription: Object) -> Object:
    """End the subscription at the requested time, and invoice its pending items."""
    if subscription.get("_prorates_end"):
        _credit_all(work, subscription)
    invoice_pending(work, subscription, "subscription_cycle")
    return _end(work, subscription)


def exhausted(work: Work, subscription: Object) -> None:
    """Apply the account's settings to a subscription whose last retry has failed."""
    policy = settings.after_retries(work)
    if policy == "cancel":
        cancel(work, subscription, reason="payment_failed")
    elif policy == "unpaid" and subscription["status"] == "past_due":
        subscription["status"] = "unpaid"
        standing.store_and_announce(work, subscription)


def expire(work: Work, subscription: Object) -> Object:
    """End a subscription whose first payment came too late, and void its invoice."""
    subscription_timers.clear_timers(work, subscription)
    for invoice in invoices.in_state(work, subscription["id"], {"draft", "open"}):
        invoice_endings.void(work, invoice)
    subscription |= {
        "status": "incomplete_expired",
        "canceled_at": work.now,
        "ended_at": work.now,
        **NO_END_PLANNED,
    }
    _forget_plans(work, subscription)
    standing.store_and_announce(work, subscription)
    return subscription


def cancel_all(work: Work, customer: str) -> None:
    """Cancel all subscriptions of a customer who is being deleted."""
    for subscription in work.all("subscription", customer=customer):
        if subscription["status"] not in standing.ENDED:
            cancel(work, subscription, reason="cancellation_requested")
    for found in work.all(subscription_schedules.KIND, customer=customer, status="not_started"):
        subscription_schedules.cancel_schedule(work, found)
    advancing.halt(work, work.all("invoice", customer=customer))


def invoice_pending(work: Work, subscription: Object, reason: str) -> Object | None:
    """Invoice the pending items, finalise the invoice, and try once to collect it."""
    waiting = invoices.pending_items(work, subscription["id"])
    if not waiting:
        return None
    customer = work.get("customer", subscription["customer"])
    plan = Plan(customer, subscription["currency"], reason, subscription, pending=waiting)
    invoice = invoices.open_draft(work, plan, waits=False)
    subscription["latest_invoice"] = invoice["id"]
    work.put(subscription)
    collection.finalize(work, invoice)
    if invoice["status"] == "open":
        collection.collect(work, invoice)
    return invoice


def _credit_all(work: Work, subscription: Object) -> None:
    for item in subscription["items"]["data"]:
        lines.credit(work, subscription, item, work.now)


def _drop_prorations(work: Work, subscription: Object) -> None:
    for pending in invoices.pending_items(work, subscription["id"]):
        if pending["proration"]:
            work.emit("invoiceitem.deleted", pending)
            work.remove("invoiceitem", pending["id"])


def _end(work: Work, subscription: Object, **changes: Any) -> Object:
    subscription_timers.clear_timers(work, subscription)
    advancing.halt(
        work, work.all("invoice", parent__subscription_details__subscription=subscription["id"])
    )
    subscription |= {"status": "canceled", "ended_at": work.now, **changes}
    _forget_plans(work, subscription)
    work.put(subscription)
    work.emit("customer.subscription.deleted", subscription)
    return subscription


def _forget_plans(work: Work, subscription: Object) -> None:
    """Drop a subscription's pending update, schedule and pause, because it ends."""
    subscription_schedules.subscription_ended(work, subscription)
    subscription |= {"pending_update": None, "pause_collection": None}
    subscription.pop("status_details", None)
    for name in ("_pending", "_prorates_end"):
        subscription.pop(name, None)
