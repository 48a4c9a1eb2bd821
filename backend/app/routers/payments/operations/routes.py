"""Routes for administrators. The rules and queries are in `administration`."""

from typing import Annotated

from fastapi import Query, status

from app.core.errors import raises
from app.core.pagination import Page
from app.core.types import Id
from app.db.database import db_dependency
from app.db.pagination import paginate
from app.platform.pagination import PageParams
from app.platform.routing import Router
from app.routers.auth.dependencies import Superuser
from app.routers.payments.models import WebhookEvent
from app.routers.payments.schemas import (
    SubscriptionFilters,
    SubscriptionOverview,
    WebhookEventDetail,
    WebhookEventFilters,
    WebhookEventRead,
)

from . import administration
from .administration import EventNotFound

router = Router(prefix="/admin")


@router.get("/events")
def list_events(
    db: db_dependency,
    _admin: Superuser,
    filters: Annotated[WebhookEventFilters, Query()],
    page: PageParams,
) -> Page[WebhookEventRead]:
    """List the events that Stripe sent in the last 90 days, newest first.

    `outcome=dead` lists the events that failed for good.
    """
    return paginate(db, administration.list_events(filters), page, WebhookEventRead)


@router.get("/events/{event_id}", response_model=WebhookEventDetail)
@raises(EventNotFound)
def get_event(db: db_dependency, _admin: Superuser, event_id: Id) -> WebhookEvent:
    """Read an event, including the body that Stripe sent."""
    return administration.get_event(db, event_id)


@router.post(
    "/events/{event_id}/replay",
    status_code=status.HTTP_202_ACCEPTED,
    response_model=WebhookEventRead,
)
@raises(EventNotFound)
def replay_event(db: db_dependency, admin: Superuser, event_id: Id) -> WebhookEvent:
    """Queue an event to be processed again. Repeating this does no harm."""
    return administration.replay_event(db, admin, event_id)


@router.get("/subscriptions")
def list_subscriptions(
    db: db_dependency,
    _admin: Superuser,
    filters: Annotated[SubscriptionFilters, Query()],
    page: PageParams,
) -> Page[SubscriptionOverview]:
    """List the subscriptions of all users, newest first.

    `status=past_due` lists the subscriptions with overdue payments.
    """
    return paginate(db, administration.list_subscriptions(filters), page, SubscriptionOverview)
