"""The contents of an invoice, for its page and its PDF."""

from dataclasses import dataclass

from simulator.billing.words import format_money
from simulator.objects import Object
from simulator.pages.words import format_date
from simulator.shapes.common import ACCOUNT_NAME

SELLER = ACCOUNT_NAME
STATES = {
    "draft": ("Draft", ""),
    "open": ("Open", "warn"),
    "paid": ("Paid", "good"),
    "uncollectible": ("Uncollectible", "bad"),
    "void": ("Void", ""),
}


@dataclass(frozen=True, slots=True)
class Row:
    """A row of the invoice. `css` holds the CSS classes of the row."""

    name: str
    amount: str
    about: str = ""
    css: str = ""


def state(invoice: Object) -> tuple[str, str]:
    """Return the label of the status, and its tone."""
    if invoice["status"] == "open" and invoice["attempted"]:
        return "Payment failed", "bad"
    return STATES[invoice["status"]]


def headline(invoice: Object) -> str:
    paid = invoice["status"] == "paid"
    amount = format_money(invoice["amount_paid" if paid else "amount_due"], invoice["currency"])
    return f"{amount} {'paid' if paid else 'due'}"


def about(invoice: Object) -> str:
    moments = invoice["status_transitions"]
    issued = f"Issued {format_date(moments['finalized_at'] or invoice['created'])}"
    if paid_at := moments["paid_at"]:
        return f"{issued}, paid {format_date(paid_at)}"
    if next_attempt := invoice["next_payment_attempt"]:
        return f"{issued}. The card is tried again on {format_date(next_attempt)}"
    return f"{issued}, due {format_date(invoice['due_date'])}" if invoice["due_date"] else issued


def buyer(invoice: Object) -> list[str]:
    return [text for text in (invoice["customer_name"], invoice["customer_email"]) if text] or [
        invoice["customer"]
    ]


def lines(invoice: Object) -> list[Row]:
    return [
        Row(
            line["description"] or "",
            format_money(line["amount"], line["currency"]),
            f"{format_date(line['period']['start'])} to {format_date(line['period']['end'])}",
        )
        for line in invoice["lines"]["data"]
    ]


def totals(invoice: Object) -> list[Row]:
    currency = invoice["currency"]
    rows = [Row("Subtotal", format_money(invoice["subtotal"], currency), css="line")]
    off = sum(part["amount"] for part in invoice["total_discount_amounts"] or [])
    if off:
        rows.append(Row("Discount", format_money(-off, currency)))
    rows.append(Row("Total", format_money(invoice["total"], currency), css="total"))
    if carried := invoice["amount_due"] - invoice["total"]:
        rows.append(Row("Balance of earlier invoices", format_money(carried, currency)))
    rows.append(Row("Amount due", format_money(invoice["amount_due"], currency), css="line total"))
    if invoice["amount_paid"]:
        rows.append(Row("Amount paid", format_money(invoice["amount_paid"], currency)))
    return rows
