"""Erasure of payers whose accounts were deleted."""

from collections.abc import Sequence

from sqlalchemy import ColumnElement, delete, or_, select, update
from sqlalchemy.orm import Session

from app.routers.payments.models import CheckoutAttempt, Customer, Invoice, Notice, Subscription


def is_gone() -> ColumnElement[bool]:
    """Select payers of whom Stripe has nothing any more.

    Until then, our row is needed to find the customer there.
    """
    return or_(Customer.gone_at.is_not(None), Customer.stripe_id.is_(None))


def is_settled() -> ColumnElement[bool]:
    """Select notices whose payer has no open invoice.

    While an invoice is open, deleting its notice would cause a second email about it.
    The subquery finds one invoice by an index. PostgreSQL would turn a NOT EXISTS into
    a join that reads all invoices.
    """
    open_invoice = select(Invoice.id).where(
        Invoice.customer_id == Notice.customer_id, Invoice.status == "open"
    )
    return open_invoice.correlate(Notice).limit(1).scalar_subquery().is_(None)


def erase(db: Session, customer_ids: Sequence[int]) -> None:
    """Delete these payers with everything that belongs to them.

    For a payer who had a trial, the bare row stays for good, because it enforces one
    trial per person. It does not reveal who the person was.
    """
    remembered = select(Customer.id).where(
        Customer.id.in_(customer_ids), Customer.trial_used_at.is_not(None)
    )
    kept = db.scalars(remembered).all()
    db.execute(delete(Customer).where(Customer.id.in_(customer_ids), Customer.id.not_in(kept)))
    for table in (CheckoutAttempt, Notice, Invoice, Subscription):
        db.execute(delete(table).where(table.customer_id.in_(kept)))
    db.execute(update(Customer).where(Customer.id.in_(kept)).values(forget_from=None))
