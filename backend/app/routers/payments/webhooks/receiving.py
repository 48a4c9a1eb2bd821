"""Receiving Stripe's events. An event is stored with a job, and then acknowledged.

The job processes the event later.
"""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from app.core import foreign_json
from app.core.combinations import has_live_key
from app.core.config import get_settings
from app.core.errors import BadRequest
from app.core.logging import get_logger, security_event
from app.db import clock
from app.db.insertion import insert_if_absent
from app.platform.jobs import enqueue
from app.routers.payments import gateway
from app.routers.payments.clock import seconds_ahead
from app.routers.payments.models import STRIPE_ID, WebhookEvent

from .event_types import HANDLED, payer_named_in
from .processing import Outcome, job_key

SOURCE = "stripe"
MAX_TYPE = 80
# In development, the OpenAPI document contains a signature for this example. FastAPI
# leaves nulls out of the document, so the example contains no nulls.
EXAMPLE_EVENT = {
    "id": "evt_1",
    "object": "event",
    "api_version": gateway.API_VERSION,
    "created": 1_790_000_000,
    "type": "customer.updated",
    "livemode": False,
    "pending_webhooks": 1,
    "data": {"object": {"id": "cus_1", "object": "customer"}},
}
DOCUMENTED: dict[str, Any] = {
    "parameters": [
        {
            "in": "header",
            "name": "Stripe-Signature",
            "required": True,
            "description": "Stripe's signature of the raw body. In development, the "
            "example is valid for five minutes.",
            "schema": {"type": "string"},
        }
    ],
    "requestBody": {
        "required": True,
        "content": {"application/json": {"schema": {"type": "object"}, "example": EXAMPLE_EVENT}},
    },
}

log = get_logger(__name__)


class InvalidPayload(BadRequest):
    """The body has a valid signature, but is not an event."""

    code = "invalid_payload"
    detail = "The body is not a Stripe event."


def receive_event(db: Session, body: bytes, signature: str) -> None:
    """Store an event and its job. An event that is already stored changes nothing.

    Raises `InvalidSignature`, `InvalidPayload`, `PaymentsUnavailable`.
    """
    settings = get_settings()
    if not settings.payments_enabled:
        raise gateway.PaymentsOff
    if not settings.stripe_webhook_secret:
        raise gateway.PaymentsUnavailable
    try:
        gateway.verify_signature(body, signature, settings.stripe_webhook_secret)
    except gateway.InvalidSignature:
        security_event("webhook_signature_refused", source=SOURCE)
        raise
    event = _parse(body)
    known = exists().where(WebhookEvent.source == SOURCE, WebhookEvent.event_id == event["id"])
    is_known, at = db.execute(select(known, clock.now())).one()
    if is_known:
        return
    row = WebhookEvent(
        source=SOURCE,
        event_id=event["id"],
        type=event["type"],
        livemode=event["livemode"],
        payer=payer_named_in(event),
        body=body,
        created_at=(created_at := datetime.fromtimestamp(event["created"], UTC)),
        seconds_ahead=seconds_ahead(created_at, at),
    )
    if reason := _why_not(row):
        row.outcome, row.error, row.processed_at = Outcome.IGNORED, reason, at
    # If Stripe resends an event, the response says that we already have it.
    is_new = insert_if_absent(db, row, "uq_webhook_events_source_event_id")
    if is_new and row.outcome is None:
        enqueue(db, "payments.process_event", {"id": row.id}, key=job_key(row.id))


def _why_not(row: WebhookEvent) -> str | None:
    """Return why an event needs no processing, or `None` if it does."""
    if row.livemode != is_live():
        log.warning("webhook_of_other_mode", event_id=row.event_id, livemode=row.livemode)
        return "The event is from the other mode, live or test"
    return None if row.type in HANDLED else "Events of this type are not handled"


def is_live() -> bool:
    """Return whether our key is a live key.

    Events from Stripe's live mode are accepted only with a live key.
    """
    return has_live_key(get_settings())


def _parse(body: bytes) -> dict[str, Any]:
    """Parse an event.

    Only the envelope is checked, because rows and jobs are created from it. Stripe
    defines the rest of the event.
    """
    try:
        event = foreign_json.parse_foreign_json(body)
    except ValueError as error:
        raise InvalidPayload from error
    if not (
        isinstance(event, dict)
        and event.get("object") == "event"
        and _is_word(event.get("id"), STRIPE_ID)
        and _is_word(event.get("type"), MAX_TYPE)
        and isinstance(event.get("livemode"), bool)
        and isinstance(event.get("created"), int)
        and 0 < event["created"] < 2**33
        and isinstance(data := event.get("data"), dict)
        and isinstance(data.get("object"), dict)
    ):
        raise InvalidPayload
    return event


def _is_word(value: Any, length: int) -> bool:
    return (
        isinstance(value, str)
        and 0 < len(value) <= length
        and value.isascii()
        and value.isprintable()
    )
