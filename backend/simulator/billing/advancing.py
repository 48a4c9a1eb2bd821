"""Invoices that advance by themselves, from draft to payment, and those that do so no
more.
"""

from collections.abc import Iterable

from simulator.durations import HOUR
from simulator.objects import Object
from simulator.state.work import Work


def wait(work: Work, draft: Object) -> None:
    """In an hour it is finalised, and its payment tried."""
    at = work.now + HOUR
    draft |= {"automatically_finalizes_at": at, "next_payment_attempt": at}
    work.set_timer("invoice.finalize", draft["id"], at)


def stop(work: Work, invoice: Object) -> None:
    """Nothing happens to it by itself any more."""
    invoice |= {
        "auto_advance": False,
        "automatically_finalizes_at": None,
        "next_payment_attempt": None,
    }
    work.clear_timer("invoice.finalize", invoice["id"])
    work.clear_timer("invoice.retry", invoice["id"])


def halt(work: Work, found: Iterable[Object]) -> None:
    """No automatic collection any more: what Stripe does with the invoices of a
    subscription that has ended.
    """
    for invoice in found:
        if invoice["status"] not in {"draft", "open"} or not invoice["auto_advance"]:
            continue
        stop(work, invoice)
        work.put(invoice)
        work.emit("invoice.updated", invoice)
