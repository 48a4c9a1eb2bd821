"""Compare a subscription and its payer's invoices in our rows with Stripe's objects.

Stripe's objects are read by stripe-python alone. If our gateway read them, its errors
would be on both sides.
"""

from datetime import datetime
from typing import Any, Protocol

from sqlalchemy import select

from app.db.database import SessionLocal
from app.routers.payments.models import Invoice, Subscription
from app.routers.payments.queries import LIVE
from tests.payments.lives import Payer


class Life(Protocol):
    """The rows or the objects of one subscription. `id` is the subscription's id."""

    payer: Payer
    id: str


def rows_of(life: Life) -> dict[str, Any]:
    """Return what a user of our API sees of the subscription and its invoices, in
    Stripe's terms.
    """
    with SessionLocal() as db:
        row = db.scalar(select(Subscription).where(Subscription.stripe_id == life.id))
        if row is None:
            return {"status": None}
        invoices = db.scalars(select(Invoice).where(Invoice.customer_id == life.payer.customer.id))
        return {
            "status": row.status,
            "price": row.stripe_price_id,
            "item": row.stripe_item_id,
            "cancel_at_period_end": row.cancel_at_period_end,
            "cancel_at": _stamp(row.cancel_at),
            "canceled_at": _stamp(row.canceled_at),
            "ended_at": _stamp(row.ended_at),
            "period": (_stamp(row.current_period_start), _stamp(row.current_period_end)),
            "trial_end": _stamp(row.trial_end),
            "is_live": row.live_customer_id is not None,
            "invoices": {one.stripe_id: _row_of_invoice(one) for one in invoices},
        }


def objects_of(life: Life) -> dict[str, Any]:
    found = life.payer.at_stripe(life.id)
    item = found["items"].data[0]
    return {
        "status": found.status,
        "price": item.price.id,
        "item": item.id,
        "cancel_at_period_end": found.cancel_at_period_end,
        "cancel_at": found.cancel_at,
        "canceled_at": found.canceled_at,
        "ended_at": found.ended_at,
        "period": (item.current_period_start, item.current_period_end),
        "trial_end": found.trial_end,
        "is_live": found.status in LIVE,
        "invoices": _invoices_at_stripe(life.payer),
    }


def _row_of_invoice(row: Invoice) -> dict[str, Any]:
    return {
        "number": row.number,
        "status": row.status,
        "amounts": (row.amount_due, row.amount_paid, row.amount_refunded),
        "attempts": (row.attempts, _stamp(row.next_attempt_at)),
        "paid_at": _stamp(row.paid_at),
        "dispute": row.dispute,
    }


def _invoices_at_stripe(payer: Payer) -> dict[str, dict[str, Any]]:
    api, of_payer = payer.side.api, {"customer": payer.stripe_id, "limit": 100}
    charges: dict[Any, list[Any]] = {}
    for charge in api.charges.list(of_payer).data:  # type: ignore[arg-type]  # a dict written in parts
        charges.setdefault(charge.payment_intent, []).append(charge)
    disputes = {one.charge: one.status for one in api.disputes.list({"limit": 100}).data}
    listed: Any = api.invoices.list({**of_payer, "expand": ["data.payments"]})  # type: ignore[arg-type]  # as above
    found = {}
    for one in listed.data:
        mine = [
            charge
            for paid in one.payments.data
            for charge in charges.get(paid.payment.payment_intent, [])
        ]
        found[one.id] = {
            "number": one.number,
            "status": one.status,
            "amounts": (
                one.amount_due,
                one.amount_paid,
                sum(charge.amount_refunded for charge in mine),
            ),
            "attempts": (one.attempt_count, one.next_payment_attempt),
            "paid_at": one.status_transitions.paid_at,
            "dispute": next(
                (disputes[charge.id] for charge in mine if charge.id in disputes), None
            ),
        }
    return found


def _stamp(moment: datetime | None) -> int | None:
    return int(moment.timestamp()) if moment else None
