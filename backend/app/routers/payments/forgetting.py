"""Stripe forgets the person whose account is deleted, whatever of theirs is on its way there.

A deletion and a request that asks Stripe meet at the payer's row, which both lock. Whoever comes second sees what the
first has written, and has Stripe forget what only it knows. Nobody is charged for an account that is no more: a
subscription that was paid at the last moment ends, and its money is given back.
"""

from datetime import timedelta
from typing import Any

from sqlalchemy import Select, or_, select, update
from sqlalchemy.orm import Session

from app.db import clock
from app.db.database import side_session
from app.platform.jobs import enqueue
from app.routers.auth.models import User

from . import gateway
from .alarms import alarm
from .models import CheckoutAttempt, Customer

LAST_MOMENT = timedelta(days=1)  # what was paid before is history, and for a person to decide


def is_orphan(db: Session, customer: Customer) -> bool:
    """Whether the payer's account is no more, as it is now and not as it was read before."""
    if customer.user_id is None:
        return True
    user = db.get(User, customer.user_id, populate_existing=True)
    return user is None or user.is_deleted


def orphans() -> Select[int]:
    """Ids of payers whose account is no more."""
    return select(Customer.id).outerjoin(Customer.user).where(or_(Customer.user_id.is_(None), User.is_deleted))


def forget_soon(db: Session, customer: Customer) -> None:
    """Have Stripe forget this payer, whose row is locked, and forget here what is personal."""
    attempts = update(CheckoutAttempt).where(CheckoutAttempt.open_customer_id == customer.id)
    db.execute(attempts.values(open_customer_id=None, closed_at=clock.now()))
    if customer.stripe_id is not None and customer.gone_at is None:
        known = {"customer_id": customer.id, "stripe_id": customer.stripe_id}
        enqueue(db, "payments.forget_customer", known, key=f"forget {customer.stripe_id}")
    elif customer.stripe_id is None and customer.creation_asked_at is not None and customer.email:
        # The answer is on its way, or was lost: there may be somebody.
        made = {"customer_id": customer.id, "key": customer.creation_key, "email": customer.email}
        enqueue(db, "payments.forget_customer", made, after=gateway.UNHEARD)
    customer.email, customer.forget_from = "", customer.forget_from or clock.now()


def forget(payload: dict[str, Any]) -> bool:
    """Ask Stripe to forget one payer; whether there was anybody. Can be asked again.

    Without an id of Stripe's the payer is looked for by the key of their creation. Pages are closed first, so that
    nobody pays any more, and once more when the customer is deleted: none can be made from then on, but one may have
    been made in between.
    """
    stripe_id = payload.get("stripe_id") or gateway.find_customer(key=payload["key"], email=payload["email"])
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
