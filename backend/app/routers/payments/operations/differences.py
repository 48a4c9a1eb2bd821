"""Comparison of a payer's rows with Stripe's objects, column by column."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.routers.payments.gateway import SeenInvoice, SeenPayer, SeenSubscription
from app.routers.payments.mirror import sync
from app.routers.payments.models import Customer, Invoice, Plan, Subscription
from app.routers.payments.queries import CURRENT, UNFINISHED


@dataclass(frozen=True)
class Difference:
    """A difference between our rows and Stripe's objects.

    To repair the difference, sync the payer `customer_id`. If it is `None`, a sync
    would not help.
    """

    subject: str
    what: str
    ours: str
    theirs: str
    customer_id: int | None = None


def of_subscriptions(db: Session, customer: Customer, seen: SeenPayer) -> Iterator[Difference]:
    rows = {
        row.stripe_id: row
        for row in db.scalars(select(Subscription).filter_by(customer_id=customer.id))
    }
    for one in seen.subscriptions:
        row = rows.pop(one.id, None)
        if row is None:
            yield difference(customer, one.id, "subscription", ours=None, theirs=one.status)
        else:
            plan = {
                "plan_id": db.scalar(select(Plan.id).where(Plan.stripe_price_id == one.price_id))
            }
            owes = {"past_due_since": sync.owes_since(one, seen.invoices)}
            yield from _columns(customer, row, _columns_of_subscription(one) | plan | owes)
    for row in rows.values():
        if row.status in CURRENT:
            yield difference(customer, row.stripe_id, "subscription", ours=row.status, theirs=None)


def _columns_of_subscription(seen: SeenSubscription) -> dict[str, Any]:
    return {name: getattr(seen, name) for name in sync.SUBSCRIPTION_COLUMNS} | {
        "stripe_item_id": seen.item_id,
        "stripe_price_id": seen.price_id,
    }


def of_invoices(db: Session, customer: Customer, seen: SeenPayer) -> Iterator[Difference]:
    rows = {
        row.stripe_id: row for row in db.scalars(select(Invoice).filter_by(customer_id=customer.id))
    }
    for one in seen.invoices:
        row = rows.pop(one.id, None)
        if row is None:
            yield difference(customer, one.id, "invoice", ours=None, theirs=one.status)
        else:
            yield from _columns(customer, row, _columns_of_invoice(one))
    for row in rows.values():
        if row.status in UNFINISHED and not seen.is_gone:
            yield difference(customer, row.stripe_id, "invoice", ours=row.status, theirs=None)


def _columns_of_invoice(seen: SeenInvoice) -> dict[str, Any]:
    return {name: getattr(seen, name) for name in sync.INVOICE_COLUMNS}


def _columns(
    customer: Customer, row: Subscription | Invoice, theirs: dict[str, Any]
) -> Iterator[Difference]:
    for name, value in sorted(theirs.items()):
        if getattr(row, name) != value:
            yield difference(customer, row.stripe_id, name, ours=getattr(row, name), theirs=value)


def difference(
    customer: Customer, subject: str, what: str, *, ours: object, theirs: object
) -> Difference:
    return Difference(subject, what, word_of(ours), word_of(theirs), customer.id)


def word_of(value: object) -> str:
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M:%S}"
    return "none" if value is None else str(value)
