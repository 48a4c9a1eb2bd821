"""Only administrators see everyone's payments."""

import pytest
from sqlalchemy import select

from app.core.types import utc_now
from app.db.database import SessionLocal
from app.routers.payments.models import WebhookEvent
from tests.auth.factories import make_user
from tests.payments.factories import make_customer, make_subscription
from tests.payments.steps import deliver, outcomes, payer, subscribe, work
from tests.payments.stripe_side import event, send

ROUTES = [
    ("GET", "/payments/admin/events"),
    ("GET", "/payments/admin/events/1"),
    ("POST", "/payments/admin/events/1/replay"),
    ("GET", "/payments/admin/subscriptions"),
]


@pytest.fixture
def admin(login):
    return login(make_user(is_superuser=True))


def events(client, **filters):
    answer = client.get("/payments/admin/events", params=filters)
    assert answer.status_code == 200, answer.text
    return answer.json()["items"]


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_only_superusers_see_anything(client, db, login, method, path):
    assert client.request(method, path).status_code == 401
    login(make_user())
    answer = client.request(method, path)
    assert (answer.status_code, answer.json()["code"]) == (403, "superuser_only")


def test_a_dead_event_is_listed_and_can_be_processed_again(client, admin, sold_plans, stripe_side):
    """R12: administrators see a dead letter with its reason, and can replay it."""
    user = make_user()
    subscribe(stripe_side, user)
    told = {one["type"]: one for one in stripe_side.events(payer(user).stripe_id)}
    made = told["customer.subscription.created"]
    deliver(client, [made])
    with SessionLocal() as db, db.begin():
        row = db.scalars(select(WebhookEvent)).one()
        row.outcome, row.error, row.processed_at, row.attempts = (
            "dead",
            "APIConnectionError",
            utc_now(),
            14,
        )
    (dead,) = events(client, outcome="dead")
    assert (dead["event_id"], dead["attempts"], dead["error"]) == (
        made["id"],
        14,
        "APIConnectionError",
    )
    assert "body" not in dead
    assert client.get(f"/payments/admin/events/{dead['id']}").json() == dead | {"body": made}

    replayed = client.post(f"/payments/admin/events/{dead['id']}/replay")
    assert (replayed.status_code, replayed.json()["outcome"], replayed.json()["error"]) == (
        202,
        None,
        None,
    )
    assert [one["id"] for one in events(client, outcome="waiting")] == [dead["id"]]
    work()
    assert outcomes() == {"customer.subscription.created": "done"}


def test_events_are_found_by_outcome_type_and_payer(client, committed, billing, admin):
    for kind, customer in (
        ("customer.updated", "cus_1"),
        ("invoice.paid", "cus_2"),
        ("charge.pending", "cus_2"),
    ):
        about = {"object": kind.partition(".")[0], "id": customer, "customer": customer}
        assert send(client, event(kind, about)).status_code == 200
    newest = ["charge.pending", "invoice.paid", "customer.updated"]
    assert [one["type"] for one in events(client)] == newest
    assert [one["type"] for one in events(client, payer="cus_2")] == newest[:2]
    assert [one["type"] for one in events(client, type="invoice.paid")] == ["invoice.paid"]
    assert [one["error"] for one in events(client, outcome="ignored")] == [
        "Events of this type are not handled"
    ]
    assert [one["type"] for one in events(client, outcome="waiting")] == newest[1:]
    page = client.get("/payments/admin/events", params={"limit": 2}).json()
    assert (page["total"], page["has_more"]) == (3, True)
    rest = client.get(
        "/payments/admin/events", params={"limit": 2, "cursor": page["next_cursor"]}
    ).json()
    assert [one["type"] for one in rest["items"]] == newest[2:]


@pytest.mark.parametrize(("method", "path"), ROUTES[1:3])
def test_an_event_that_is_not_there_is_a_404(client, db, admin, method, path):
    answer = client.request(method, path)
    assert (answer.status_code, answer.json()["code"]) == (404, "event_not_found")


@pytest.mark.parametrize("filters", [{"outcome": "lost"}, {"type": "x" * 300}])
def test_a_filter_without_sense_is_a_422(client, db, admin, filters):
    assert client.get("/payments/admin/events", params=filters).status_code == 422


def test_everybodys_subscriptions_are_seen(client, shown_plans, admin, statements):
    ada, grace = make_user(), make_user()
    owes = make_subscription(make_customer(ada), status="past_due", past_due_since=utc_now())
    unknown = make_subscription(make_customer(grace), plan=None)
    ended = make_subscription(
        make_customer(make_user(), user_id=None), "team", "canceled", live_customer_id=None
    )
    statements.clear()
    found = client.get("/payments/admin/subscriptions").json()["items"]
    assert len(statements) == 2, "session, page"
    assert [(one["id"], one["plan"], one["status"]) for one in found] == [
        (ended.id, "team", "canceled"),
        (unknown.id, None, "active"),
        (owes.id, "pro", "past_due"),
    ]
    assert [one["customer"]["user_id"] for one in found] == [None, grace.id, ada.id]
    for filters, wanted in (
        ({"status": "past_due"}, [owes.id]),
        ({"plan": "team"}, [ended.id]),
        ({"user_id": grace.id}, [unknown.id]),
        ({"plan": "pro", "user_id": grace.id}, []),
    ):
        items = client.get("/payments/admin/subscriptions", params=filters).json()["items"]
        assert [one["id"] for one in items] == wanted
