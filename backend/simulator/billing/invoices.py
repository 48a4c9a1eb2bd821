"""The steps of an invoice from draft to paid: lines, totals, number and balance."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from simulator.billing import advancing, coupons, lines, payments
from simulator.billing.discounts import Discountable, reductions_by_line
from simulator.billing.totals import due
from simulator.objects import Object
from simulator.protocol.errors import StripeError
from simulator.shapes.invoice import customer_details, lines_of, new_invoice, new_invoice_payment
from simulator.state.work import Work


@dataclass
class Plan:
    """The contents of an invoice that will be created.

    The `pending` items come first, as they do at Stripe. `fields` are stored unchanged.
    """

    customer: Object
    currency: str
    reason: str
    subscription: Object | None = None
    lines: list[Object] = field(default_factory=list)
    pending: list[Object] = field(default_factory=list)
    discounts: list[str] = field(default_factory=list)
    period: tuple[int, int] | None = None
    proration_date: int | None = None
    fields: Object = field(default_factory=dict)


def pending_items(work: Work, subscription: str) -> list[Object]:
    """Return the items that wait for this subscription's next invoice, newest first."""
    found = work.all("invoiceitem", parent__subscription_details__subscription=subscription)
    return sorted(
        (item for item in found if item["invoice"] is None), key=lambda item: -item["date"]
    )


def compose(work: Work, plan: Plan) -> Object:
    """Return a complete draft with totals. The draft is not stored or announced."""
    invoice = new_invoice(
        work.new_id("invoice"), created=work.now, customer=plan.customer, currency=plan.currency
    )
    start, end = plan.period or (work.now, work.now)
    invoice |= {
        "billing_reason": plan.reason,
        "period_start": start,
        "period_end": end,
        "discounts": plan.discounts,
    }
    if plan.subscription:
        invoice |= _of_subscription(plan.subscription, plan.proration_date)
    invoice |= plan.fields
    rows = [lines.from_pending(work, item) for item in plan.pending] + plan.lines
    for row in rows:
        row["invoice"] = invoice["id"]
    return with_totals(work, invoice, rows)


def _of_subscription(subscription: Object, proration_date: int | None) -> Object:
    details = {"metadata": subscription["metadata"], "subscription": subscription["id"]}
    if proration_date is not None:
        details["subscription_proration_date"] = proration_date
    return {
        "description": subscription["invoice_settings"]["description"],
        "footer": subscription["invoice_settings"]["footer"],
        "parent": {
            "type": "subscription_details",
            "quote_details": None,
            "subscription_details": details,
        },
    }


def with_totals(work: Work, invoice: Object, rows: list[Object]) -> Object:
    """Return the invoice with these lines and the totals that follow from them."""
    reductions = [
        coupons.reduction(work, work.get("discount", one), invoice["currency"])
        for one in invoice["discounts"]
    ]
    facts = [Discountable(row["amount"], _product(row), row["discountable"]) for row in rows]
    for row, taken in zip(rows, reductions_by_line(facts, reductions), strict=True):
        row["discount_amounts"] = [
            {"amount": amount, "discount": discount} for discount, amount in taken
        ]
    off = {one.discount: 0 for one in reductions}
    for row in rows:
        for each in row["discount_amounts"]:
            off[each["discount"]] += each["amount"]
    subtotal = sum(row["amount"] for row in rows)
    total = subtotal - sum(off.values())
    owed = due(total, invoice["starting_balance"], invoice["currency"]).amount
    return invoice | {
        "lines": lines_of(invoice["id"], rows),
        "subtotal": subtotal,
        "subtotal_excluding_tax": subtotal,
        "total": total,
        "total_excluding_tax": total,
        "total_discount_amounts": [
            {"amount": amount, "discount": one} for one, amount in off.items()
        ],
        "amount_due": owed,
        "amount_remaining": owed,
    }


def _product(row: Object) -> str | None:
    return row["pricing"]["price_details"]["product"] if row["pricing"] else None


def open_draft(work: Work, plan: Plan, *, waits: bool) -> Object:
    """Store and announce the draft.

    If `waits` is true, the draft is finalised in an hour, like the draft of a renewal.
    """
    invoice = compose(work, plan)
    by_item = {_invoice_item(row): row["id"] for row in invoice["lines"]["data"]}
    for item in plan.pending:
        work.put(item | {"invoice": invoice["id"], "_line": by_item[item["id"]]})
    if waits:
        advancing.wait(work, invoice)
    work.put(invoice)
    work.emit("invoice.created", invoice)
    return invoice


def _invoice_item(row: Object) -> str | None:
    details = row["parent"]["subscription_item_details"] or row["parent"]["invoice_item_details"]
    found: str | None = details["invoice_item"]
    return found


def subscription_of(work: Work, invoice: Object) -> Object | None:
    details = (invoice["parent"] or {}).get("subscription_details")
    return work.get("subscription", details["subscription"]) if details else None


def finalize(work: Work, invoice: Object) -> Object:
    """Turn a draft into an open invoice, or into a paid invoice if nothing is due.

    An open invoice has a number and a payment intent.
    """
    customer = work.get("customer", invoice["customer"], "customer")
    result = due(invoice["total"], customer["balance"], invoice["currency"])
    secret = work.new_secret()
    url = f"{work.store.base_url}/i/{secret}"
    invoice |= customer_details(customer)
    invoice |= {
        "status": "open",
        "number": f"{customer['invoice_prefix']}-{customer['next_invoice_sequence']:04d}",
        "automatically_finalizes_at": None,
        "next_payment_attempt": None,
        "effective_at": work.now,
        "hosted_invoice_url": url,
        "invoice_pdf": f"{url}/pdf",
        "starting_balance": customer["balance"],
        "ending_balance": result.ending_balance,
        "amount_due": result.amount,
        "amount_remaining": result.amount,
        "status_transitions": invoice["status_transitions"] | {"finalized_at": work.now},
        "webhooks_delivered_at": invoice["created"],
        "_secret": secret,
    }
    work.clear_timer("invoice.finalize", invoice["id"])
    _use_balance(work, customer, result.ending_balance)
    work.put(invoice)
    work.emit("invoice.finalized", invoice)
    if result.amount:
        _ask_for_payment(work, invoice)
    else:
        mark_paid(work, invoice, 0)
    return invoice


def _use_balance(work: Work, customer: Object, balance: int) -> None:
    customer["next_invoice_sequence"] += 1
    changed, customer["balance"] = customer["balance"] != balance, balance
    work.put(customer)
    if changed:
        work.emit("customer.updated", customer)


def _ask_for_payment(work: Work, invoice: Object) -> None:
    intent = payments.new_intent(
        work,
        amount=invoice["amount_due"],
        currency=invoice["currency"],
        customer=invoice["customer"],
        description=_purpose(invoice),
    )
    payment = new_invoice_payment(
        work.new_id("invoice_payment"),
        created=work.now,
        invoice=invoice,
        payment_intent=intent["id"],
    )
    work.put(payment)


def _purpose(invoice: Object) -> str:
    reasons = {
        "subscription_create": "Subscription creation",
        "subscription_update": "Subscription update",
    }
    return reasons.get(invoice["billing_reason"], "Payment for Invoice")


def payment_of(work: Work, invoice: Object) -> Object | None:
    """Return the invoice's default payment, or `None` if nothing was due."""
    return work.first("invoice_payment", invoice=invoice["id"])


def mark_paid(work: Work, invoice: Object, amount: int, *, outside: bool = False) -> None:
    """Mark the invoice as paid, without emitting the events.

    `announce_paid` emits the events after the subscription has been updated.
    """
    invoice |= {
        "status": "paid",
        "attempted": True,
        "auto_advance": False,
        "next_payment_attempt": None,
        "amount_paid": amount,
        "amount_paid_off_stripe": amount if outside else 0,
        "amount_remaining": 0,
        "status_transitions": invoice["status_transitions"] | {"paid_at": work.now},
    }
    work.clear_timer("invoice.retry", invoice["id"])
    work.put(invoice)
    payment = payment_of(work, invoice)
    if payment and not outside:
        payment |= {
            "amount_paid": amount,
            "status": "paid",
            "status_transitions": payment["status_transitions"] | {"paid_at": work.now},
        }
        work.put(payment)
        work.emit("invoice_payment.paid", payment)


def announce_paid(work: Work, invoice: Object) -> None:
    work.emit("invoice.paid", invoice)
    work.emit("invoice.payment_succeeded", invoice)


def in_state(work: Work, subscription: str, states: Iterable[str]) -> list[Object]:
    found = work.all("invoice", parent__subscription_details__subscription=subscription)
    return [invoice for invoice in found if invoice["status"] in states]


def require_status(invoice: Object, *states: str) -> None:
    if invoice["status"] not in states:
        raise StripeError(
            f"This action cannot be performed on an invoice with the status: {invoice['status']}.",
            code="invoice_not_editable" if "draft" in states else None,
        )
