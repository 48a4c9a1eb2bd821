"""Objects of Stripe as the gateway returns them."""

from datetime import UTC, datetime, timedelta
from typing import Any

from app.core.types import utc_now
from app.db.database import SessionLocal
from app.routers.payments.gateway import SeenInvoice, SeenPayer, SeenSubscription
from app.routers.payments.mirror import sync
from app.routers.payments.models import Customer


def at(moment: datetime) -> datetime:
    """Return the time in whole seconds, like Stripe's times."""
    return moment.replace(microsecond=0).astimezone(UTC)


def subscription(name: str = "sub_1", **changes: Any) -> SeenSubscription:
    begun = at(utc_now())
    values: dict[str, Any] = {
        "id": name,
        "item_id": f"si_{name}",
        "price_id": "price_1",
        "status": "active",
        "started_at": begun,
        "current_period_start": begun,
        "current_period_end": begun + timedelta(days=30),
        "trial_start": None,
        "trial_end": None,
        "cancel_at_period_end": False,
        "cancel_at": None,
        "canceled_at": None,
        "ended_at": None,
        "has_payment_method": True,
        "pause_behavior": None,
        "pause_until": None,
        "pending_update_until": None,
        "trial_without_card": "cancel",
        "days_until_due": None,
        "discounts": [],
        "schedule_id": None,
        "scheduled_price_id": None,
        "scheduled_at": None,
        "attempt": None,
    }
    return SeenSubscription(**(values | changes))


def invoice(name: str = "in_1", **changes: Any) -> SeenInvoice:
    made = at(utc_now())
    values: dict[str, Any] = {
        "id": name,
        "subscription_id": "sub_1",
        "number": "A-0001",
        "status": "paid",
        "currency": "eur",
        "amount_due": 1200,
        "amount_paid": 1200,
        "amount_refunded": 0,
        "dispute": None,
        "attempts": 1,
        "needs_action": False,
        "reason": "subscription_cycle",
        "hosted_invoice_url": "https://pay.example.com/i",
        "invoice_pdf": "https://pay.example.com/i.pdf",
        "created_at": made,
        "finalized_at": made,
        "paid_at": made,
        "next_attempt_at": None,
    }
    return SeenInvoice(**(values | changes))


def unpaid(name: str = "in_1", **changes: Any) -> SeenInvoice:
    return invoice(name, **({"status": "open", "amount_paid": 0, "paid_at": None} | changes))


def payer(customer: Customer, *what: SeenSubscription | SeenInvoice, **changes: Any) -> SeenPayer:
    values: dict[str, Any] = {
        "id": customer.stripe_id,
        "email": "ada@example.com",
        "is_gone": False,
        "subscriptions": [one for one in what if isinstance(one, SeenSubscription)],
        "invoices": [one for one in what if isinstance(one, SeenInvoice)],
    }
    return SeenPayer(**(values | changes))


def write(customer: Customer, seen: SeenPayer, ticket: sync.Ticket | None = None) -> None:
    """Store what Stripe returned in the same way as a job, in a separate
    transaction.
    """
    ticket = ticket or sync.take_ticket(customer.id)
    with SessionLocal() as db, db.begin():
        sync.write_payer(db, ticket, seen)
