"""The automatic steps of an invoice from draft to payment, and how to stop them."""

from collections.abc import Iterable

from simulator.durations import HOUR
from simulator.objects import Object
from simulator.state.work import Work


def wait(work: Work, draft: Object) -> None:
    """Set the timer that finalises the invoice in an hour, and then tries to collect
    it.
    """
    at = work.now + HOUR
    draft |= {"automatically_finalizes_at": at, "next_payment_attempt": at}
    work.set_timer("invoice.finalize", draft["id"], at)


def stop(work: Work, invoice: Object) -> None:
    """Stop everything that would happen to the invoice automatically."""
    invoice |= {
        "auto_advance": False,
        "automatically_finalizes_at": None,
        "next_payment_attempt": None,
    }
    work.clear_timer("invoice.finalize", invoice["id"])
    work.clear_timer("invoice.retry", invoice["id"])


def halt(work: Work, found: Iterable[Object]) -> None:
    """Stop collecting these invoices, as Stripe does when a subscription has ended."""
    for invoice in found:
        if invoice["status"] not in {"draft", "open"} or not invoice["auto_advance"]:
            continue
        stop(work, invoice)
        work.put(invoice)
        work.emit("invoice.updated", invoice)
