"""Deletion of the customer at Stripe after an account is deleted.

The deletion of an account and a request that calls Stripe both lock the payer's row. So
whichever comes second sees what the other has written. If the request creates a
customer at Stripe that the deletion did not know about, the request itself queues the
deletion of that customer. So nobody is charged for a deleted account. A subscription
that was paid shortly before the deletion is ended and refunded.
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
from app.routers.payments.alarms import raise_alarm
from app.routers.payments.models import CheckoutAttempt, Customer

# Only payments that are at most this old are refunded automatically. An operator
# decides about older payments.
LAST_MOMENT = timedelta(days=1)


def is_orphan(db: Session, customer: Customer) -> bool:
    """Return whether the payer's account has been deleted.

    The account is read again, because it may have been deleted since this session read
    it.
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
    """Queue the deletion of this payer's Stripe customer, and erase personal data here.

    The payer's row must be locked.
    """
    attempts = update(CheckoutAttempt).where(CheckoutAttempt.open_customer_id == customer.id)
    db.execute(attempts.values(open_customer_id=None, closed_at=clock.now()))
    if customer.stripe_id is not None and customer.gone_at is None:
        known = {"customer_id": customer.id, "stripe_id": customer.stripe_id}
        enqueue(db, "payments.forget_customer", known, key=f"forget {customer.stripe_id}")
    elif customer.stripe_id is None and customer.creation_asked_at is not None and customer.email:
        # If Stripe's response is still on its way or was lost, there may be a customer
        # whose id we do not know.
        made = {"customer_id": customer.id, "key": customer.creation_key, "email": customer.email}
        enqueue(db, "payments.forget_customer", made, after=gateway.UNHEARD)
    customer.email, customer.forget_from = "", customer.forget_from or clock.now()


def forget_at_stripe(payload: dict[str, Any]) -> bool:
    """Delete a customer at Stripe. Return whether there was such a customer.

    It is safe to call this again. If Stripe's id is unknown, the customer is found by
    the key that was used to create it. Open Checkout pages are closed first, so that
    nobody can pay any more. Pages are closed again after the deletion, because another
    page may have been created in between.
    """
    stripe_id = payload.get("stripe_id") or gateway.find_customer(
        key=payload["key"], email=payload["email"]
    )
    if stripe_id is None:
        return False
    gateway.close_sessions(stripe_id)
    with side_session() as side:
        since = clock.read_database_time(side) - LAST_MOMENT
    for bought in gateway.find_live(stripe_id):
        raise_alarm("paid_without_account", customer=stripe_id, subscription=bought)
        gateway.end_and_refund(bought, since=since)
    gateway.delete_customer(stripe_id)
    gateway.close_sessions(stripe_id)
    return True
