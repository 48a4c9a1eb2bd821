"""Factories of payers and subscriptions, as rows."""

from datetime import timedelta
from itertools import count
from typing import Any, TypeVar
from uuid import uuid4

from sqlalchemy import select

from app.core.types import utc_now
from app.db.database import SessionLocal
from app.routers.auth.models import User
from app.routers.payments.models import Customer, Invoice, Plan, Subscription
from app.routers.payments.plans import plan_file, publishing
from app.routers.payments.selling.customers import person_of

Row = TypeVar("Row", Customer, Subscription, Invoice)

_numbers = count(1)


def store_plans(there: publishing.AtStripe | None = None) -> None:
    """Store the plans of plans.toml as rows."""
    with SessionLocal() as db, db.begin():
        publishing.store_plans(db, plan_file.read_plan_file(), there)


def sell_plans() -> None:
    """Create the plans of plans.toml at Stripe and as rows."""
    offers = plan_file.read_plan_file()
    store_plans(publishing.bring_in_line(offers, publishing.read_catalogue(offers)))


def plan_of(slug: str) -> Plan:
    with SessionLocal() as db:
        return db.scalars(select(Plan).where(Plan.offered_as == slug)).one()


def make_customer(user: User, **columns: Any) -> Customer:
    with SessionLocal() as db, db.begin():
        person = person_of(db, user.email)
    defaults = {
        "user_id": user.id,
        "stripe_id": f"cus_made{next(_numbers)}",
        "creation_key": uuid4().hex,
        "email": user.email,
        "person": person,
    }
    return _stored(Customer(**(defaults | columns)))


def make_subscription(
    customer: Customer, plan: str | None = "pro", status: str = "active", **columns: Any
) -> Subscription:
    """Create a subscription, which is active by default.

    `plan` is the slug of a plan in plans.toml.
    """
    with SessionLocal() as db:
        plan_id = db.scalar(select(Plan.id).where(Plan.offered_as == plan))
    at = utc_now()
    defaults = {
        "customer_id": customer.id,
        "live_customer_id": customer.id,
        "plan_id": plan_id,
        "stripe_id": f"sub_made{next(_numbers)}",
        "stripe_item_id": "si_made",
        "stripe_price_id": f"price_made{next(_numbers)}",
        "status": status,
        "started_at": at,
        "current_period_start": at,
        "current_period_end": at + timedelta(days=30),
        "cancel_at_period_end": False,
        "has_payment_method": True,
    }
    return _stored(Subscription(**(defaults | columns)))


def make_invoice(customer: Customer, **columns: Any) -> Invoice:
    number = next(_numbers)
    defaults = {
        "customer_id": customer.id,
        "stripe_id": f"in_made{number}",
        "number": f"MADE-{number:04}",
        "status": "paid",
        "currency": "eur",
        "amount_due": 1200,
        "amount_paid": 1200,
        "amount_refunded": 0,
        "attempts": 1,
        "hosted_invoice_url": "https://pay.example.com/i",
        "invoice_pdf": "https://pay.example.com/i.pdf",
        "created_at": utc_now(),
    }
    return _stored(Invoice(**(defaults | columns)))


def _stored(row: Row) -> Row:
    with SessionLocal() as db, db.begin():
        db.add(row)
    return row
