"""A subscription is cancelled at Stripe, immediately or at the end of the period, and
resumed.
"""

import pytest
from sqlalchemy import delete, select, update

from app.core.types import utc_now
from app.db import clock as db_clock
from app.db.database import SessionLocal
from app.platform.models import Job
from tests.payments.steps import MINE, outcome, subscription_row, told, work


def test_cancelling_at_period_end_can_be_resumed_until_then(client, subscriber, stripe_side):
    """Edge cases: cancel at period end, and resume."""
    cancelled = client.post(f"{MINE}/cancel", json={}).json()
    assert (cancelled["status"], cancelled["cancel_at_period_end"]) == ("active", True)
    assert cancelled["canceled_at"] is not None
    assert stripe_side.api.subscriptions.retrieve(subscriber.stripe).cancel_at_period_end
    resumed = client.post(f"{MINE}/resume").json()
    assert (resumed["cancel_at_period_end"], resumed["canceled_at"]) == (False, None)
    assert not stripe_side.api.subscriptions.retrieve(subscriber.stripe).cancel_at_period_end
    told(client, stripe_side, subscriber)
    assert client.get(MINE).json() == resumed


def test_cancelled_at_once_it_is_over(client, subscriber, stripe_side):
    """Edge case: cancel at once."""
    answer = client.post(f"{MINE}/cancel", json={"at_period_end": False}).json()
    assert (answer["status"], answer["entitlements"]["features"]) == ("canceled", [])
    assert stripe_side.api.subscriptions.retrieve(subscriber.stripe).status == "canceled"
    assert outcome(client.get(MINE)) == (404, "no_subscription")
    for action in ("cancel", "resume"):
        answer = client.post(f"{MINE}/{action}", json={} if action == "cancel" else None)
        assert outcome(answer) == (404, "no_subscription")


def test_cancelling_at_once_survives_a_lost_response(client, subscriber, stripe_side):
    """Edge case: cancel at once.

    The retry finds that the subscription has ended, so Stripe refuses it (R11).
    """
    path = f"/v1/subscriptions/{subscriber.stripe}"
    stripe_side.chaos(next=[{"fault": "lost", "method": "DELETE", "path": path, "times": 1}])
    answer = client.post(f"{MINE}/cancel", json={"at_period_end": False})
    assert (answer.status_code, answer.json()["status"]) == (200, "canceled")
    assert outcome(client.get(MINE)) == (404, "no_subscription")


@pytest.mark.parametrize(("action", "body"), [("cancel", {}), ("resume", None)])
def test_a_lost_response_and_a_lost_event_are_recovered(
    client, subscriber, stripe_side, action, body
):
    """R11: Stripe has made the change, but we received neither a response nor an
    event.
    """
    if action == "resume":
        assert client.post(f"{MINE}/cancel", json={}).json()["cancel_at_period_end"] is True
    with SessionLocal() as db, db.begin():
        db.execute(delete(Job))
    path = f"/v1/subscriptions/{subscriber.stripe}"
    stripe_side.chaos(next=[{"fault": "lost", "method": "POST", "path": path, "times": 3}])
    assert outcome(client.post(f"{MINE}/{action}", json=body)) == (503, "payments_unavailable")
    before = subscription_row(subscriber.stripe).cancel_at_period_end
    with SessionLocal() as db, db.begin():
        assert db.scalar(
            select(Job.id).where(Job.kind == "payments.sync_payer", Job.due_at > utc_now())
        )
        db.execute(update(Job).values(due_at=db_clock.now()))
    work()
    assert subscription_row(subscriber.stripe).cancel_at_period_end is not before


def test_cancelling_what_has_ended_at_stripe_succeeds(client, subscriber, stripe_side):
    """For example, the user has ended the subscription in the portal.

    The event of that has not arrived yet.
    """
    stripe_side.api.subscriptions.cancel(subscriber.stripe)
    assert (
        client.post(f"{MINE}/cancel", json={"at_period_end": False}).json()["status"] == "canceled"
    )
    assert subscription_row(subscriber.stripe).status == "canceled"


def test_resuming_what_goes_on_changes_nothing(client, subscriber):
    before = client.get(MINE).json()
    assert client.post(f"{MINE}/resume").json() == before
