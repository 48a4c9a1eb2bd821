"""Pauses and resumes subscriptions.

Pausing only the collection of payments is a different feature: see `renewal`.
"""

from simulator.billing import (
    collection,
    cycle,
    endings,
    invoices,
    lines,
    standing,
    subscription_timers,
)
from simulator.billing.catalog import cost
from simulator.billing.invoices import Plan
from simulator.billing.periods import Period
from simulator.billing.proration import remaining
from simulator.billing.subscriptions import remember_debits
from simulator.objects import Object
from simulator.protocol.errors import StripeError
from simulator.state.work import Work


def pause(work: Work, subscription: Object, why: str, *, credits_time: bool = False) -> Object:
    """Pause the subscription: no period begins and no invoice is created until it is
    resumed.

    With `credits_time`, unused time is credited on the invoice that follows the pause.
    """
    if subscription["status"] not in {"active", "trialing", "past_due"}:
        raise StripeError(f"A subscription that is `{subscription['status']}` cannot be paused.")
    subscription_timers.clear_timers(work, subscription)
    if credits_time:
        for item in subscription["items"]["data"]:
            lines.credit(work, subscription, item, work.now)
    paused = {"subscription": {"type": why}, "transitioned_at": work.now, "type": "subscription"}
    subscription |= {"status": "paused", "status_details": {"paused": paused}}
    standing.store_and_announce(work, subscription)
    work.emit("customer.subscription.paused", subscription)
    return subscription


def stops_without_card(work: Work, subscription: Object, fields: Object | None = None) -> bool:
    """Cancel or pause a subscription whose trial ends now, if it has no card.

    The trial settings decide, and may also let the subscription continue: see
    .../billing/subscriptions/trials/free-trials at docs.stripe.com. `fields` replace
    fields of the subscription first. Returns whether the subscription was stopped.
    """
    customer, wanted = work.get("customer", subscription["customer"]), subscription | (fields or {})
    behavior = wanted["trial_settings"]["end_behavior"]["missing_payment_method"]
    has_card = (
        wanted["default_payment_method"] or customer["invoice_settings"]["default_payment_method"]
    )
    if has_card or behavior == "create_invoice":
        return False
    subscription |= wanted | {"trial_end": work.now}
    cycle.enter_period(
        subscription, Period(subscription_timers.period_of(subscription)[0], work.now)
    )
    if behavior == "cancel":
        endings.cancel(work, subscription, reason="payment_failed")
    else:
        pause(work, subscription, "trial_end_without_payment_method")
    return True


def resume(work: Work, subscription: Object, *, restarts: bool, prorates: bool) -> Object:
    """Activate the subscription again, with an invoice.

    The invoice is for a whole period from now, or for the rest of the current period.
    """
    if subscription["status"] != "paused":
        raise StripeError("This subscription cannot be resumed because it is not paused.")
    if standing.in_trial(subscription, work.now):
        subscription["trial_end"] = (
            work.now
        )  # the trial is over after a pause, so the customer pays from now on
    if restarts:
        subscription["billing_cycle_anchor"] = work.now
    whole = cycle.period_at(subscription, work.now)
    period = Period(work.now, whole.end)
    cycle.enter_period(subscription, whole)
    rows = [
        lines.recurring(work, subscription, item, period, _due(item, whole, work.now))
        for item in subscription["items"]["data"]
        if restarts or prorates
    ]
    subscription["status"] = "active"
    subscription.pop("status_details", None)
    invoice = _invoiced(work, subscription, rows)
    standing.store_and_announce(work, subscription)
    work.emit("customer.subscription.resumed", subscription)
    subscription_timers.set_period_timer(work, subscription)
    if invoice:
        collection.finalize(work, invoice)
        if invoice["status"] == "open":
            collection.collect(work, invoice, off_session=False)
    return subscription


def _due(item: Object, period: Period, now: int) -> int:
    return remaining(cost(item["price"], item["quantity"]), period, now)


def _invoiced(work: Work, subscription: Object, rows: list[Object]) -> Object | None:
    waiting = invoices.pending_items(work, subscription["id"])
    if not rows and not waiting:
        return None
    plan = Plan(
        work.get("customer", subscription["customer"]),
        subscription["currency"],
        "subscription_update",
        subscription,
        lines=rows,
        pending=waiting,
        discounts=subscription["discounts"],
    )
    invoice = invoices.open_draft(work, plan, waits=False)
    subscription["latest_invoice"] = invoice["id"]
    remember_debits(work, subscription, invoice)
    standing.drop_used_discounts(work, subscription, invoice)
    return invoice
