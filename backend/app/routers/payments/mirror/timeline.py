"""Records changes at Stripe in the payer's timeline.

Only changes of our rows count. So it does not matter how many events arrive, and a
second sync of the same state records nothing.
"""

from typing import Any

from sqlalchemy import inspect
from sqlalchemy.orm import Session

from app.platform import activity
from app.routers.payments.clock import payments_now
from app.routers.payments.models import Customer, Invoice, Plan, Subscription
from app.routers.payments.plans.currencies import money
from app.routers.payments.queries import CURRENT

from .emails import NEWS

SHOWN = ("status", "stripe_price_id", "cancel_at_period_end")
STATUSES = {
    "trialing": "The trial of {plan} began.",
    "active": "The subscription to {plan} is active.",
    "past_due": "The subscription to {plan} is past due.",
    "unpaid": "The subscription to {plan} is unpaid.",
    "paused": "The subscription to {plan} is paused.",
    "canceled": "The subscription to {plan} ended.",
}


def record_subscription(db: Session, customer: Customer, row: Subscription) -> None:
    """Record if a subscription has a new status, a new plan, or a new planned end.

    Nothing is recorded for a subscription that had ended before it was first seen, nor
    for a payer whose account was deleted.
    """
    is_new = not inspect(row).persistent
    if customer.user_id is None or (is_new and row.status not in CURRENT):
        return
    changed = {name for name in SHOWN if _has_changed(row, name)}
    if "status" in changed and row.status in STATUSES:
        _record(db, customer, row, row.status, STATUSES[row.status])
    elif "stripe_price_id" in changed and not is_new:
        _record(db, customer, row, "plan_changed", "The subscription was changed to {plan}.")
    if "cancel_at_period_end" in changed and not is_new:
        ends = row.cancel_at_period_end
        sentence = "The subscription to {plan} will " + ("end." if ends else "continue.")
        _record(db, customer, row, "will_end" if ends else "will_continue", sentence)


def record_invoice(db: Session, customer: Customer, row: Invoice) -> None:
    """Record a payment or a failed payment attempt.

    Nothing is recorded for an old payment that is seen for the first time, because the
    payer's whole history may be imported.
    """
    if customer.user_id is None:
        return
    if row.status == "paid" and row.amount_paid and _has_changed(row, "status"):
        if not inspect(row).persistent and not _is_news(db, customer, row):
            return
        amount, event, rest = row.amount_paid, "invoice_paid", "was paid."
    elif row.status == "open" and row.attempts and _has_changed(row, "attempts"):
        amount, event, rest = row.amount_due, "invoice_failed", "could not be paid."
    else:
        return
    data = {"event": event, "amount": amount, "currency": row.currency, "number": row.number}
    _add(db, customer, data, f"An invoice over {money(amount, row.currency)} {rest}")


def _has_changed(row: Any, name: str) -> bool:
    """Return whether this sync has changed an attribute. In a new row, all attributes
    count as changed.
    """
    return bool(inspect(row).attrs[name].history.has_changes())


def _is_news(db: Session, customer: Customer, row: Invoice) -> bool:
    with db.no_autoflush:
        return row.paid_at is not None and row.paid_at > payments_now(db, customer.id) - NEWS


def _record(db: Session, customer: Customer, row: Subscription, event: str, sentence: str) -> None:
    with db.no_autoflush:  # the sync decides when its rows are complete
        plan = db.get(Plan, row.plan_id) if row.plan_id else None
    data = {"event": event, "plan": plan.slug if plan else None}
    _add(db, customer, data, sentence.format(plan=plan.name if plan else "your plan"))


def _add(db: Session, customer: Customer, data: dict[str, Any], summary: str) -> None:
    assert customer.user_id
    activity.record(db, customer.user_id, activity.Kind.PAYMENT, data, summary=summary)
