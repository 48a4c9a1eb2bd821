"""Processing of Stripe's events. Each event has a job until it has an outcome.

The job calls Stripe between two short transactions, not within one.
"""

from collections.abc import Sequence
from contextlib import ExitStack
from datetime import timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Select, String, cast, func, literal, select, update
from sqlalchemy.orm import Session

from app.core import foreign_json
from app.core.config import get_settings
from app.db import clock
from app.db.batches import in_batches
from app.db.database import SessionLocal, side_session
from app.platform.jobs import Failure, enqueue, exclusive_job, is_enqueued
from app.platform.monitoring.backlog import measured
from app.routers.payments import gateway
from app.routers.payments.alarms import raise_alarm
from app.routers.payments.mirror import sync
from app.routers.payments.models import Customer, WebhookEvent
from app.routers.payments.plans import publishing

from .event_types import HANDLED, Concern, charge_named_in

OVERDUE = timedelta(minutes=2)  # if an event has waited longer, its job was lost
BATCH = 500
JOB_KEY = "payments event "


class Outcome(StrEnum):
    """The outcome of an event.

    A parked event is about an unknown customer. A dead event failed on every attempt.
    Both can be processed again.
    """

    DONE = "done"
    IGNORED = "ignored"
    PARKED = "parked"
    DEAD = "dead"


def job_key(event_id: int) -> str:
    return f"{JOB_KEY}{event_id}"


def process_event(db: Session, event_id: int) -> None:
    """Process an event that has no outcome yet.

    One sync settles all events of a payer that arrived before the sync began. While
    payments are switched off, the event waits. If a call to Stripe raises an error, the
    job is retried. Raises `NotNow` while another thread processes an event of the same
    payer. Then the job runs again later, unless that thread has settled this event,
    too.
    """
    if not get_settings().payments_enabled:
        return
    with ExitStack() as turn:
        with side_session() as side:
            event = side.get(WebhookEvent, event_id)
            if event is None or event.outcome is not None:
                return
            turn.enter_context(exclusive_job(f"payer {event.payer or event.event_id}"))
            event.attempts += 1
            concern, payer = HANDLED.get(event.type), event.payer
            content = foreign_json.parse_foreign_json(event.body)
        _work_off(db, event_id, concern, payer, content)


def _work_off(
    db: Session, event_id: int, concern: Concern | None, payer: str | None, content: dict[str, Any]
) -> None:
    if concern is Concern.CATALOGUE:
        publishing.report_drift(db)
        settle_events(db, WebhookEvent.id == event_id)
        return
    if payer is None and concern is Concern.CHARGE:
        payer = gateway.payer_of_charge(**charge_named_in(content))
    with side_session() as side:
        side.execute(update(WebhookEvent).where(WebhookEvent.id == event_id).values(payer=payer))
        customer_id = (
            side.scalar(select(Customer.id).where(Customer.stripe_id == payer)) if payer else None
        )
        same = (WebhookEvent.payer == payer, WebhookEvent.outcome.is_(None))
        waiting = (
            side.scalars(select(WebhookEvent.id).where(*same).limit(BATCH)).all()
            if customer_id
            else ()
        )
    if customer_id is None:
        raise_alarm(
            "unknown_customer", event_id=content["id"], event_type=content["type"], customer=payer
        )
        settle_events(
            db, WebhookEvent.id == event_id, Outcome.PARKED, "The customer is not one of ours"
        )
        return
    sync.sync_payer(db, customer_id)
    # The sync began after all of these events had arrived.
    settle_events(db, WebhookEvent.id.in_([event_id, *waiting]))


def settle_events(
    db: Session,
    which: ColumnElement[bool],
    outcome: Outcome = Outcome.DONE,
    error: str | None = None,
) -> None:
    """Record the outcome of these events, unless they already have an outcome."""
    ended = {"outcome": outcome, "error": error, "processed_at": clock.now()}
    db.execute(update(WebhookEvent).where(which, WebhookEvent.outcome.is_(None)).values(ended))


def note_failure(db: Session, payload: dict[str, Any], failure: Failure) -> None:
    """Record a failed attempt to process an event.

    This runs in the transaction that either postpones the job or turns it into a dead
    letter.
    """
    waiting = update(WebhookEvent).where(
        WebhookEvent.id == payload["id"], WebhookEvent.outcome.is_(None)
    )
    if failure.is_final:
        db.execute(
            waiting.values(error=failure.error, outcome=Outcome.DEAD, processed_at=clock.now())
        )
        raise_alarm("event_given_up", id=payload["id"], reason=failure.error)
    else:
        db.execute(waiting.values(error=failure.error))


def queue_lost_events(db: Session, after: int) -> int | None:
    """Queue a job for each waiting event that has no job, in the batch after this
    event.

    Return the last event of the batch, or `None` after the last batch.
    """
    if not get_settings().payments_enabled:
        return None
    waiting = db.scalars(overdue_events(after).limit(BATCH)).all()
    named = literal(JOB_KEY).concat(cast(WebhookEvent.id, String(20)))
    left = select(WebhookEvent.id).where(WebhookEvent.id.in_(waiting), ~is_enqueued(named))
    for event_id in db.scalars(left.order_by(WebhookEvent.id)):
        enqueue(db, "payments.process_event", {"id": event_id}, key=job_key(event_id))
    return waiting[-1] if len(waiting) == BATCH else None


def overdue_events(after: int) -> Select[int]:
    """Select events that have waited too long, in index order.

    `outcome` is always null here. The column is part of the order because the index
    begins with it.
    """
    waits = (
        WebhookEvent.outcome.is_(None),
        WebhookEvent.id > after,
        WebhookEvent.received_at < clock.now(-OVERDUE),
    )
    return select(WebhookEvent.id).where(*waits).order_by(WebhookEvent.outcome, WebhookEvent.id)


def replay_events(db: Session, event_ids: Sequence[int]) -> None:
    """Queue these events to be processed again, even if they have an outcome."""
    again = {"outcome": None, "processed_at": None, "error": None}
    db.execute(update(WebhookEvent).where(WebhookEvent.id.in_(event_ids)).values(again))
    for event_id in event_ids:
        enqueue(db, "payments.process_event", {"id": event_id}, key=job_key(event_id))


def replay_all_events(*which: ColumnElement[bool]) -> int:
    """Queue all matching events to be processed again, in batches. Return their number.

    Events that arrive during the call are excluded.
    """
    with SessionLocal() as db:
        newest = db.scalar(select(func.max(WebhookEvent.id))) or 0
    return in_batches(
        SessionLocal, replay_events, WebhookEvent, *which, WebhookEvent.id <= newest, budget=None
    ).rows


@measured(
    "liftoff_webhook_lag_seconds",
    "Seconds since the oldest waiting event was received. 0 if no event waits.",
)
def seconds_behind(db: Session) -> float:
    """Return how long the oldest event has waited. This reads one entry of an index."""
    waiting = select(WebhookEvent.received_at, clock.now()).where(WebhookEvent.outcome.is_(None))
    for received_at, at in db.execute(waiting.order_by(WebhookEvent.id).limit(1)):
        return max(0.0, (at - received_at).total_seconds())
    return 0.0
