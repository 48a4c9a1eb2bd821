"""The steps of a checkout, for the tests of checkouts."""

from sqlalchemy import select

from app.db.database import SessionLocal
from app.routers.payments.models import CheckoutAttempt


def begin(client, plan="team", **body):
    return client.post("/payments/checkout", json={"plan": plan, **body})


def session_of(side, answer):
    return side.api.checkout.sessions.retrieve(
        answer.json()["session_id"], {"expand": ["line_items"]}
    )


def attempts():
    with SessionLocal() as db:
        return list(db.scalars(select(CheckoutAttempt).order_by(CheckoutAttempt.id)))
