"""The page of a payer in the admin: subscriptions, invoices and events of the payer."""

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from app.core import foreign_json
from app.platform.admin.views import Badge, Link, Table
from app.routers.payments.models import Customer, Invoice, Subscription, WebhookEvent

SHOWN = 20
TONES = {"active": "good", "trialing": "good", "paid": "good", "done": "good", "dead": "bad"}
BAD = ("past_due", "unpaid", "uncollectible", "parked")


def badge(state: str | None) -> Badge:
    """Return the status of a subscription or an invoice, or the outcome of an event."""
    shown = state or "waiting"
    return Badge(shown, TONES.get(shown, "warning" if shown in BAD else "plain"))


def money(amount: int, currency: str) -> str:
    return f"{amount / 100:,.2f} {currency.upper()}"


def reason_of(event: WebhookEvent) -> str:
    """Return why a payment failed, in Stripe's words, or an empty string."""
    found: Any = foreign_json.parse_foreign_json(event.body).get("data", {}).get("object", {})
    errors = (found.get("last_payment_error"), found.get("last_finalization_error"))
    messages = [error.get("message") for error in errors if isinstance(error, dict)]
    return next((str(one) for one in [*messages, found.get("failure_message")] if one), "")


def tables_of_payer(db: Session, payer: Customer) -> list[Table]:
    """Return tables of the payer's newest subscriptions, invoices and events."""
    return [_subscriptions(db, payer), _invoices(db, payer), _events(db, payer)]


def _subscriptions(db: Session, payer: Customer) -> Table:
    newest = select(Subscription).where(Subscription.customer_id == payer.id)
    loaded = newest.options(joinedload(Subscription.plan)).order_by(Subscription.id.desc())
    rows = [
        (
            Link(str(one.id), "subscriptions", one.id),
            one.plan.name if one.plan else None,
            badge(one.status),
            one.past_due_since,
            one.cancel_at or one.ended_at,
        )
        for one in db.scalars(loaded.limit(SHOWN))
    ]
    return Table("Subscriptions", ("Id", "Plan", "Status", "Past due since", "Ends"), rows)


def _invoices(db: Session, payer: Customer) -> Table:
    newest = select(Invoice).where(Invoice.customer_id == payer.id)
    ordered = newest.order_by(Invoice.created_at.desc(), Invoice.id.desc())
    rows = [
        (
            Link(str(one.id), "payment-invoices", one.id),
            one.number,
            badge(one.status),
            money(one.amount_due, one.currency),
            one.attempts,
            one.next_attempt_at,
        )
        for one in db.scalars(ordered.limit(SHOWN))
    ]
    headings = ("Id", "Number", "Status", "Due", "Attempts", "Next attempt")
    return Table("Invoices", headings, rows)


def _events(db: Session, payer: Customer) -> Table:
    newest = select(WebhookEvent).where(WebhookEvent.payer == payer.stripe_id)
    rows = [
        (
            Link(str(one.id), "webhook-events", one.id),
            one.created_at,
            one.type,
            reason_of(one),
            badge(one.outcome),
        )
        for one in db.scalars(newest.order_by(WebhookEvent.id.desc()).limit(SHOWN))
    ]
    return Table("What Stripe last said", ("Id", "When", "Event", "Reason", "Outcome"), rows)
