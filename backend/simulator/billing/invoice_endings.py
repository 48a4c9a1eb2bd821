"""The end of an unpaid invoice: void, or uncollectible."""

from simulator.billing import payments
from simulator.billing.invoices import payment_of, subscription_of
from simulator.objects import Object
from simulator.state.work import Work


def void(work: Work, invoice: Object) -> Object:
    _end(work, invoice, "void", "voided_at")
    if subscription := subscription_of(work, invoice):
        _forget_debits(work, subscription, invoice["id"])
    _return_balance(work, invoice)
    work.emit("invoice.updated", invoice)
    work.emit("invoice.voided", invoice)
    return invoice


def give_up(work: Work, invoice: Object, reason: str = "user_forgiven") -> Object:
    """Mark the invoice as uncollectible. The customer can still pay it."""
    _end(work, invoice, "uncollectible", "marked_uncollectible_at", cancel=False)
    invoice["status_details"] = {"uncollectible": {"reason": reason}}
    work.put(invoice)
    work.emit("invoice.updated", invoice)
    work.emit("invoice.marked_uncollectible", invoice)
    return invoice


def _end(work: Work, invoice: Object, status: str, moment: str, *, cancel: bool = True) -> None:
    invoice |= {
        "status": status,
        "auto_advance": False,
        "next_payment_attempt": None,
        "status_transitions": invoice["status_transitions"] | {moment: work.now},
    }
    work.clear_timer("invoice.retry", invoice["id"])
    work.put(invoice)
    payment = payment_of(work, invoice)
    if cancel and payment:
        payments.cancel(
            work, work.get("payment_intent", payment["payment"]["payment_intent"]), "void_invoice"
        )
        payment |= {
            "status": "canceled",
            "status_transitions": payment["status_transitions"] | {"canceled_at": work.now},
        }
        work.put(payment)


def _forget_debits(work: Work, subscription: Object, invoice: str) -> None:
    """Forget the debits of this invoice.

    Otherwise, time that was never paid for could be credited.
    """
    for item, debit in list(subscription["_debits"].items()):
        pending = work.find("invoiceitem", debit["pending"])
        if invoice in {debit["invoice"], pending and pending["invoice"]}:
            del subscription["_debits"][item]
    work.put(subscription)


def _return_balance(work: Work, invoice: Object) -> None:
    """Undo the invoice's effect on the customer's balance."""
    used = invoice["starting_balance"] - (invoice["ending_balance"] or 0)
    if invoice["ending_balance"] is None or not used:
        return
    customer = work.get("customer", invoice["customer"])
    customer["balance"] += used
    work.put(customer)
    work.emit("customer.updated", customer)
