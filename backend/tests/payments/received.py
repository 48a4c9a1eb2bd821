"""Read the stored events, and the responses that Stripe received."""

from sqlalchemy import select

from app.db.database import SessionLocal
from app.routers.payments.models import WebhookEvent


def rows():
    with SessionLocal() as db:
        return list(db.scalars(select(WebhookEvent).order_by(WebhookEvent.id)))


def outcome(answer):
    return answer.status_code, answer.json().get("code")
