"""Forgetting at Stripe: a deleted account's customer is deleted there, too.

A deletion and a request that calls Stripe meet at the payer's row, which both lock. The
one that comes second sees what the first has written. If it has learned of a customer
that the first did not know, it has Stripe forget that customer. Nobody is charged for
an account that has been deleted. A subscription that was paid at the last moment ends,
and its money is refunded.
"""

from datetime import timedelta
from typing import Any

from sqlalchemy import Select, or_, select, update
from sqlalchemy.orm import Session

from app.db import clock
from app.db.database import side_session
from app.platform.jobs import enqueue
from app.routers.auth.models import User
from app.routers.payments import gateway
from app.routers.payments.alarms import alarm
from app.routers.payments.models import CheckoutAttempt, Customer

# An earlier payment is history, and a person decides about it.
LAST_MOMENT = timedelta(days=1)


def is_orphan(db: Session, customer: Customer) -> bool:
    """Return whether the payer's account has been deleted.

    The account is read again, rather than taken as it was read before.
    """
    if customer.user_id is None:
        return True
    user = db.get(User, customer.user_id, populate_existing=True)
    return user is None or user.is_deleted


def orphans() -> Select[int]:
    """Select the ids of payers whose account has been deleted."""
    return (
        select(Customer.id)
        .outerjoin(Customer.user)
        .where(or_(Customer.user_id.is_(None), User.is_deleted))
    )


def forget_soon(db: Session, customer: Customer) -> None:
    """Have Stripe forget this payer, whose row is locked, and erase here what is
    personal.
    """
    attempts = update(CheckoutAttempt).where(CheckoutAttempt.open_customer_id == customer.id)
    db.execute(attempts.values(open_customer_id=None, closed_at=clock.now()))
    if customer.stripe_id is not None and customer.gone_at is None:
        known = {"customer_id": customer.id, "stripe_id": customer.stripe_id}
        enqueue(db, "payments.forget_customer", known, key=f"forget {customer.stripe_id}")
    elif customer.stripe_id is None and customer.creation_asked_at is not None and customer.email:
        # The response is on its way, or was lost. So Stripe may have a customer whose
        # id we do not know.
        made = {"customer_id": customer.id, "key": customer.creation_key, "email": customer.email}
        enqueue(db, "payments.forget_customer", made, after=gateway.UNHEARD)
    customer.email, customer.forget_from = "", customer.forget_from or clock.now()


def forget(payload: dict[str, Any]) -> bool:
    """Make Stripe forget a payer. Return whether there was a customer.

    This can be called again. Without Stripe's id, the customer is found by the key with
    which it was created. Open pages are closed first, so that nobody can pay any more.
    They are closed again after the customer is deleted. From then on no page can be
    made, but one may have been made in between.
    """
    stripe_id = payload.get("stripe_id") or gateway.find_customer(
        key=payload["key"], email=payload["email"]
    )
    if stripe_id is None:
        return False
    gateway.close_sessions(stripe_id)
    with side_session() as side:
        since = clock.read(side) - LAST_MOMENT
    for bought in gateway.find_live(stripe_id):
        alarm("paid_without_account", customer=stripe_id, subscription=bought)
        gateway.end_and_refund(bought, since=since)
    gateway.delete_customer(stripe_id)
    gateway.close_sessions(stripe_id)
    return True
