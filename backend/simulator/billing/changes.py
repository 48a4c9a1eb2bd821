"""Changes of a running subscription.

The cost of a change is invoiced immediately or with the next period.

https://docs.stripe.com/billing/subscriptions/change, .../prorations, .../billing-cycle
"""

from simulator.billing import (
    collection,
    coupons,
    invoices,
    pending,
    standing,
    subscription_timers,
)
from simulator.billing.invoices import Plan
from simulator.billing.reshaping import Change, Effect, reshape
from simulator.billing.subscriptions import pay_now, remember_debits
from simulator.objects import Object
from simulator.protocol.errors import StripeError, unsupported_feature
from simulator.state.work import Work


def change(work: Work, subscription: Object, wish: Change) -> Object:
    """Change the subscription, and return the changed subscription.

    Raises if the subscription's status does not allow the change.
    """
    if wish.bills and subscription["status"] in {"incomplete", *standing.ENDED}:
        raise StripeError(
            f"A subscription that is `{subscription['status']}` can only have its metadata and "
            "payment method updated.",
            param="items",
        )
    if wish.bills and subscription["status"] == "paused":
        raise unsupported_feature(
            "items", "The simulator cannot change a paused subscription. Resume it first."
        )
    if wish.bills and subscription.get("_pending"):
        pending.discard_pending_update(work, subscription)
    effect = reshape(work, subscription, wish)
    if not effect.invoices_now:
        return _kept(work, effect.wanted)
    return _billed(work, subscription, wish, effect)


def _kept(work: Work, wanted: Object) -> Object:
    standing.store_and_announce(work, wanted)
    if wanted["status"] not in {"paused", *standing.ENDED}:
        subscription_timers.set_trial_timer(work, wanted)
        subscription_timers.set_period_timer(work, wanted)
    return wanted


def plan_of_update(work: Work, effect: Effect, reason: str = "subscription_update") -> Plan:
    wanted = effect.wanted
    return Plan(
        work.get("customer", wanted["customer"]),
        wanted["currency"],
        reason,
        wanted,
        lines=effect.lines,
        pending=invoices.pending_items(work, wanted["id"]),
        discounts=coupons.running_discounts(work, wanted["discounts"], work.now),
        proration_date=effect.at,
    )


def _billed(work: Work, subscription: Object, wish: Change, effect: Effect) -> Object:
    """Create the invoice of a change, and try to collect it immediately.

    The payment behaviour decides whether the change waits for the payment.
    """
    wanted = effect.wanted
    invoice = invoices.open_draft(work, plan_of_update(work, effect), waits=False)
    remember_debits(work, wanted, invoice)
    subscription["latest_invoice"] = wanted["latest_invoice"] = invoice["id"]
    if wish.payment_behavior == "pending_if_incomplete" and invoice["amount_due"]:
        return _waiting(work, subscription, wish, wanted, invoice)
    standing.drop_used_discounts(work, wanted, invoice)
    work.put(wanted)
    collection.finalize(work, invoice)
    if invoice["status"] == "open":
        if wish.payment_behavior == "default_incomplete":
            standing.follow_failed_payment(work, wanted)
        else:
            pay_now(work, invoice, wish.payment_behavior, off_session=wish.off_session)
    return _kept(work, wanted)


def _waiting(
    work: Work, subscription: Object, wish: Change, wanted: Object, invoice: Object
) -> Object:
    """Leave the subscription unchanged until the invoice is paid.

    If the invoice is not paid within 23 hours, the change is dropped.
    """
    pending.hold_pending_update(subscription, wanted, invoice["id"])
    work.put(subscription)
    collection.finalize(work, invoice)
    pay_now(work, invoice, wish.payment_behavior, off_session=wish.off_session)
    if "_pending" in subscription:
        pending.show_pending_update(work, subscription)
        standing.store_and_announce(work, subscription)
    return subscription
