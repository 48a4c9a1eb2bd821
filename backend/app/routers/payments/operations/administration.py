"""Rules for administrators: lists of all payments, and reprocessing of events."""

from sqlalchemy import Select, select
from sqlalchemy.orm import Session, contains_eager, defer, joinedload

from app.core.errors import NotFound
from app.core.logging import security_event
from app.db.lists import Filters, equals, matching
from app.routers.auth.models import User
from app.routers.payments.models import Customer, Plan, Subscription, WebhookEvent
from app.routers.payments.schemas import SubscriptionFilters, WebhookEventFilters
from app.routers.payments.webhooks import processing

WAITING = "waiting"  # filter value for events without an outcome


class EventNotFound(NotFound):
    """The event was never received, or has been purged."""

    code = "event_not_found"
    detail = "There is no such event. `GET /payments/admin/events` lists the events."


EVENT_FILTERS: Filters = {
    "outcome": lambda outcome: WebhookEvent.outcome == (None if outcome == WAITING else outcome),
    "type": equals(WebhookEvent.type),
    "payer": equals(WebhookEvent.payer),
}
SUBSCRIPTION_FILTERS: Filters = {
    "status": equals(Subscription.status),
    "plan": equals(Plan.slug),
    "user_id": equals(Customer.user_id),
}


def list_events(filters: WebhookEventFilters) -> Select[WebhookEvent]:
    """Select events, newest first."""
    wanted = select(WebhookEvent).where(*matching(filters, EVENT_FILTERS))
    return wanted.options(defer(WebhookEvent.body)).order_by(WebhookEvent.id.desc())


def get_event(db: Session, event_id: int) -> WebhookEvent:
    """Return an event. Raises `EventNotFound`."""
    event = db.get(WebhookEvent, event_id)
    if event is None:
        raise EventNotFound
    return event


def replay_event(db: Session, admin: User, event_id: int) -> WebhookEvent:
    """Queue an event to be processed again, even if it has an outcome. Raises
    `EventNotFound`.
    """
    event = get_event(db, event_id)
    processing.replay_events(db, [event.id])
    security_event("webhook_event_replayed", routine=True, event_id=event.event_id, by=admin.id)
    return event


def list_subscriptions(filters: SubscriptionFilters) -> Select[Subscription]:
    """Select all subscriptions with their plans and payers, newest first."""
    whole = select(Subscription).join(Subscription.customer).outerjoin(Subscription.plan)
    loaded = (
        contains_eager(Subscription.customer),
        contains_eager(Subscription.plan),
        joinedload(Subscription.scheduled_plan),
    )
    newest = Subscription.id.desc()
    return whole.where(*matching(filters, SUBSCRIPTION_FILTERS)).options(*loaded).order_by(newest)
