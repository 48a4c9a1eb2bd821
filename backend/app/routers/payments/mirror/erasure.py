"""Erasure of payers whose accounts were deleted."""

from collections.abc import Sequence

from sqlalchemy import ColumnElement, delete, or_, select, update
from sqlalchemy.orm import Session

from app.routers.payments.models import CheckoutAttempt, Customer, Invoice, Notice, Subscription


def is_gone() -> ColumnElement[bool]:
    """Match payers who no longer have a customer at Stripe.

    As long as the customer exists, our row is needed to find it.
    """
    return or_(Customer.gone_at.is_not(None), Customer.stripe_id.is_(None))


def is_settled() -> ColumnElement[bool]:
    """Match notices whose payer has no open invoice.

    If a notice were deleted while an invoice is open, the payer would get a second
    email about that invoice. The subquery finds one invoice by an index. PostgreSQL
    would turn a NOT EXISTS into a join that reads all invoices.
    """
    open_invoice = select(Invoice.id).where(
        Invoice.customer_id == Notice.customer_id, Invoice.status == "open"
    )
    return open_invoice.correlate(Notice).limit(1).scalar_subquery().is_(None)


def erase_payers(db: Session, customer_ids: Sequence[int]) -> None:
    """Delete these payers with all their rows.

    If a payer had a trial, the row in `customers` stays forever, because each person
    gets only one trial. That row does not reveal who the person was.
    """
    remembered = select(Customer.id).where(
        Customer.id.in_(customer_ids), Customer.trial_used_at.is_not(None)
    )
    kept = db.scalars(remembered).all()
    db.execute(delete(Customer).where(Customer.id.in_(customer_ids), Customer.id.not_in(kept)))
    for table in (CheckoutAttempt, Notice, Invoice, Subscription):
        db.execute(delete(table).where(table.customer_id.in_(kept)))
    db.execute(update(Customer).where(Customer.id.in_(kept)).values(forget_from=None))
