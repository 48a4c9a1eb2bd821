"""What is left of payers whose accounts were deleted, and when it goes."""

from collections.abc import Sequence

from sqlalchemy import ColumnElement, delete, or_, select, update
from sqlalchemy.orm import Session

from .models import CheckoutAttempt, Customer, Invoice, Notice, Subscription


def is_gone() -> ColumnElement[bool]:
    """Payers of whom Stripe has nothing any more: until then our row is what it is found by."""
    return or_(Customer.gone_at.is_not(None), Customer.stripe_id.is_(None))


def is_settled() -> ColumnElement[bool]:
    """Notices to payers without an open invoice. Otherwise a second mail about it would be sent.

    One invoice is looked for by index. PostgreSQL would turn a NOT EXISTS into a join that reads all invoices.
    """
    open_invoice = select(Invoice.id).where(Invoice.customer_id == Notice.customer_id, Invoice.status == "open")
    return open_invoice.correlate(Notice).limit(1).scalar_subquery().is_(None)


def erase(db: Session, customer_ids: Sequence[int]) -> None:
    """Delete these payers with all that hangs on them.

    Of one who had a trial the bare row stays, and for good: it is what remembers one trial per person. Who that was it
    does not tell.
    """
    remembered = select(Customer.id).where(Customer.id.in_(customer_ids), Customer.trial_used_at.is_not(None))
    kept = db.scalars(remembered).all()
    db.execute(delete(Customer).where(Customer.id.in_(customer_ids), Customer.id.not_in(kept)))
    for table in (CheckoutAttempt, Notice, Invoice, Subscription):
        db.execute(delete(table).where(table.customer_id.in_(kept)))
    db.execute(update(Customer).where(Customer.id.in_(kept)).values(forget_from=None))
