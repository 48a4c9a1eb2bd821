"""The status of a subscription, which depends on whether its invoices are paid."""

from simulator.billing import coupons, invoices, pending
from simulator.objects import Object
from simulator.state.work import Work

RUNNING = frozenset({"active", "trialing", "past_due", "unpaid", "incomplete", "paused"})
ENDED = frozenset({"canceled", "incomplete_expired"})


def store_and_announce(work: Work, subscription: Object) -> None:
    """Store a subscription that has changed, and announce it."""
    work.put(subscription)
    work.emit("customer.subscription.updated", subscription)


def in_trial(subscription: Object, now: int) -> bool:
    return subscription["trial_end"] is not None and subscription["trial_end"] > now


def follow_payment(
    work: Work, subscription: Object, invoice: Object, payment_method: str | None
) -> None:
    """Update a subscription after the payment of an invoice.

    An incomplete subscription starts. A subscription that was past due or unpaid is in
    good standing again if no other invoice is owed.
    """
    if subscription["status"] in ENDED:
        return
    changes = _changes(work, subscription, invoice, payment_method)
    waited = subscription["pending_update"] is not None
    applied = pending.apply_pending_update(work, subscription, invoice["id"])
    if not changes and not applied:
        return
    subscription |= changes
    if applied:
        drop_used_discounts(work, subscription, invoice)
    store_and_announce(work, subscription)
    if applied and waited:
        work.emit("customer.subscription.pending_update_applied", subscription)


def card_is_ready(work: Work, setup_intent: Object) -> None:
    """Update a subscription whose customer has now set up the card."""
    subscription = work.find("subscription", setup_intent.get("_subscription"))
    if subscription and subscription["pending_setup_intent"] == setup_intent["id"]:
        subscription |= {
            "pending_setup_intent": None,
            **_saved_card(subscription, setup_intent["payment_method"]),
        }
        store_and_announce(work, subscription)


def _saved_card(subscription: Object, payment_method: str | None) -> Object:
    saves = subscription["payment_settings"]["save_default_payment_method"] == "on_subscription"
    if payment_method and saves and subscription["default_payment_method"] != payment_method:
        return {"default_payment_method": payment_method}
    return {}


def _changes(
    work: Work, subscription: Object, invoice: Object, payment_method: str | None
) -> Object:
    changes = _saved_card(subscription, payment_method)
    begins = subscription["status"] == "incomplete"
    if begins:
        work.clear_timer("subscription.expire", subscription["id"])
    if begins or (
        subscription["status"] in {"past_due", "unpaid"} and not _owing(work, subscription, invoice)
    ):
        changes["status"] = "trialing" if in_trial(subscription, work.now) else "active"
    return changes


def _owing(work: Work, subscription: Object, paid_now: Object) -> bool:
    owed = invoices.in_state(work, subscription["id"], {"open"})
    return any(invoice["attempted"] for invoice in owed if invoice["id"] != paid_now["id"])


def follow_failed_payment(work: Work, subscription: Object) -> None:
    """Update a subscription after a failed attempt to collect an invoice."""
    if subscription["status"] in {"active", "trialing"}:
        subscription["status"] = "past_due"
        store_and_announce(work, subscription)


def drop_used_discounts(work: Work, subscription: Object, invoice: Object) -> None:
    """Drop those discounts of a subscription that end now.

    A coupon of duration `once` ends when it has reduced an invoice. Other discounts end
    at a fixed date, or never.
    """
    used = {each["discount"] for each in invoice["total_discount_amounts"] if each["amount"]}
    over = [
        one
        for one in subscription["discounts"]
        if (one in used and coupons.is_once(work, one))
        or not coupons.running_discounts(work, [one], work.now)
    ]
    for one in over:
        coupons.end_discount(work, one)
    subscription["discounts"] = [one for one in subscription["discounts"] if one not in over]
