"""The collection of invoices: attempts, their results, and the next attempt."""

from simulator.billing import advancing, invoice_endings, invoices, payments, pending, standing
from simulator.billing.payments import Answer
from simulator.durations import DAY
from simulator.objects import Object
from simulator.state.work import Work

RETRY_AFTER = (3 * DAY, 5 * DAY, 7 * DAY)
"""Seconds from each failed attempt to the next.

This is the schedule that Stripe offers as an alternative to Smart Retries.
"""


def finalize(work: Work, invoice: Object) -> Object:
    invoices.finalize(work, invoice)
    if invoice["status"] == "paid":
        _follow(work, invoice, None)
        invoices.announce_paid(work, invoice)
    return invoice


def payment_method_for(work: Work, invoice: Object) -> Object | None:
    """Return the card that pays the invoice.

    This is the card of the invoice, else the subscription's card, else the customer's
    default card.
    """
    subscription = invoices.subscription_of(work, invoice)
    customer = work.get("customer", invoice["customer"])
    chosen = (
        invoice["default_payment_method"]
        or (subscription and subscription["default_payment_method"])
        or (customer.get("invoice_settings") or {}).get("default_payment_method")
    )
    return work.find("payment_method", chosen) if chosen else None


def intent_of(work: Work, invoice: Object) -> Object:
    payment = invoices.payment_of(work, invoice)
    assert payment, "an invoice that is open has a payment"
    return work.get("payment_intent", payment["payment"]["payment_intent"])


def collect(
    work: Work, invoice: Object, payment_method: Object | None = None, *, off_session: bool = True
) -> Answer:
    """Try once to collect an open invoice.

    If there is no card, the attempt fails, and no charge is created.
    """
    payment_method = payment_method or payment_method_for(work, invoice)
    intent = intent_of(work, invoice)
    if payment_method is None:
        _failed(work, invoice, asked=False)
        return Answer()
    answer = payments.confirm(work, intent, payment_method, off_session=off_session)
    settle(work, intent, answer)
    return answer


def settle(work: Work, intent: Object, answer: Answer) -> None:
    """Apply the outcome of an attempt to the invoice that this intent pays, if any."""
    payment = work.first("invoice_payment", payment__payment_intent=intent["id"])
    if payment is None:
        return
    invoice = work.get("invoice", payment["invoice"])
    if answer.paid:
        _paid(work, invoice, intent["payment_method"])
    else:
        _failed(work, invoice, asked=answer.decline is None)


def void(work: Work, invoice: Object) -> Object:
    """Void the invoice, and drop the update that waits for its payment, if any."""
    subscription = invoices.subscription_of(work, invoice)
    invoice_endings.void(work, invoice)
    if subscription and subscription.get("_pending", {}).get("invoice") == invoice["id"]:
        pending.clear_pending_update(work, subscription)
        standing.store_and_announce(work, subscription)
    return invoice


def pay_outside(work: Work, invoice: Object) -> None:
    """Mark the invoice as paid out of band, without a card."""
    invoices.mark_paid(work, invoice, invoice["amount_due"], outside=True)
    payments.cancel(work, intent_of(work, invoice), "automatic")
    work.emit("invoice.updated", invoice)
    _follow(work, invoice, None)
    invoices.announce_paid(work, invoice)


def _paid(work: Work, invoice: Object, payment_method: str) -> None:
    _count(work, invoice)
    invoices.mark_paid(work, invoice, invoice["amount_due"])
    work.emit("invoice.updated", invoice)
    _follow(work, invoice, payment_method)
    invoices.announce_paid(work, invoice)


def _follow(work: Work, invoice: Object, payment_method: str | None) -> None:
    if subscription := invoices.subscription_of(work, invoice):
        standing.follow_payment(work, subscription, invoice, payment_method)


def _failed(work: Work, invoice: Object, *, asked: bool) -> None:
    """Record a failed attempt. `asked` means that the customer must pass 3-D Secure."""
    subscription = invoices.subscription_of(work, invoice)
    begun = subscription is not None and not _only_asked_for(subscription, invoice)
    if _count(work, invoice) and invoice["auto_advance"] and begun:
        _schedule(work, invoice)
    work.put(invoice)
    work.emit("invoice.updated", invoice)
    if subscription and begun:
        standing.follow_failed_payment(work, subscription)
    if asked:
        work.emit("invoice.payment_action_required", invoice)
    if not asked or begun:
        work.emit("invoice.payment_failed", invoice)


def set_automatic(work: Work, invoice: Object, *, automatic: bool) -> None:
    """Set whether the invoice advances automatically.

    To advance means to go from a draft to a payment, and from a failed payment to the
    next attempt.
    """
    if not automatic:
        advancing.stop(work, invoice)
        return
    invoice["auto_advance"] = True
    if invoice["status"] == "draft":
        advancing.wait(work, invoice)
    elif (
        invoice["status"] == "open"
        and invoice["attempted"]
        and invoice["next_payment_attempt"] is None
    ):
        _schedule(work, invoice)


def _only_asked_for(subscription: Object, invoice: Object) -> bool:
    """Return whether the invoice is for a first payment or a pending update.

    The customer does not owe such an invoice yet, so no further attempt is scheduled.
    """
    return bool(
        subscription["status"] == "incomplete"
        or subscription.get("_pending", {}).get("invoice") == invoice["id"]
    )


def _count(work: Work, invoice: Object) -> bool:
    """Count this attempt if it belongs to the schedule, and return whether it does.

    The first attempt and each due retry belong to the schedule. Other attempts are not
    counted.
    """
    due = invoice["next_payment_attempt"]
    counts = not invoice["attempted"] or (due is not None and due <= work.now)
    invoice["attempt_count"] += counts
    invoice["attempted"] = True
    return counts


def _schedule(work: Work, invoice: Object) -> None:
    done = invoice["attempt_count"] - 1
    invoice["next_payment_attempt"] = (
        work.now + RETRY_AFTER[done] if done < len(RETRY_AFTER) else None
    )
    if invoice["next_payment_attempt"]:
        work.set_timer("invoice.retry", invoice["id"], invoice["next_payment_attempt"])
