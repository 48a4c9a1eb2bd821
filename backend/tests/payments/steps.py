"""Steps that tests of payments share."""

from typing import Any

from sqlalchemy import select

from app.db.database import SessionLocal
from app.platform.jobs import job_runs
from app.routers.auth.models import User
from app.routers.payments.models import Customer, Subscription, WebhookEvent
from app.routers.payments.selling import customers
from tests.payments.factories import plan_of
from tests.payments.stripe_side import StripeSide, send

MINE = "/payments/subscription"


def work() -> None:
    """Run all jobs that a worker would run now."""
    while job_runs.run_next():
        pass


def payer(user: User) -> Customer:
    """Make sure that the user has a customer at Stripe, and return the customer's
    row.
    """
    with SessionLocal() as db:
        customer = customers.ensure_customer(db, db.get_one(User, user.id))
        db.commit()
        return customer


def with_card(side: StripeSide, user: User, card: str = "pm_card_visa") -> str:
    """Return the customer's id at Stripe, after adding a card that pays."""
    customer = payer(user).stripe_id
    assert customer
    method = side.api.payment_methods.attach(card, {"customer": customer})
    side.api.customers.update(customer, {"invoice_settings": {"default_payment_method": method.id}})
    return customer


def subscribe(
    side: StripeSide, user: User, plan: str = "team", card: str = "pm_card_visa", **params: Any
) -> str:
    """Create a subscription at Stripe that we do not know yet, and return its id."""
    customer = with_card(side, user, card)
    wanted: Any = {
        "customer": customer,
        "items": [{"price": plan_of(plan).stripe_price_id}],
        **params,
    }
    return side.api.subscriptions.create(wanted).id


def deliver(client: Any, events: list[dict[str, Any]]) -> None:
    for sent in events:
        assert send(client, sent).status_code == 200, sent["type"]


def told(client: Any, side: StripeSide, user: User) -> None:
    """Deliver and process every event of this payer."""
    customer = payer(user).stripe_id
    assert customer
    deliver(client, side.events(customer))
    work()


def subscription_row(stripe_id: str) -> Subscription:
    with SessionLocal() as db:
        return db.scalars(select(Subscription).where(Subscription.stripe_id == stripe_id)).one()


def outcomes() -> dict[str, str | None]:
    """Return the outcome of the last event of each type."""
    with SessionLocal() as db:
        return {
            row.type: row.outcome
            for row in db.scalars(select(WebhookEvent).order_by(WebhookEvent.id))
        }


def outcome(answer: Any) -> tuple[int, str | None]:
    return answer.status_code, answer.json().get("code")
