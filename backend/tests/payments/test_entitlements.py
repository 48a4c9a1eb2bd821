"""A plan grants entitlements to its subscribers until their subscription ends."""

from datetime import timedelta
from typing import Annotated

import pytest
from fastapi import Depends, FastAPI
from fastapi.testclient import TestClient

from app.core.config import get_settings
from app.core.types import utc_now
from app.db import clock
from app.platform import problems
from app.platform.routing import Router
from app.routers.payments.clock import payments_now
from app.routers.payments.dependencies import require_feature, within_limit
from tests.auth.factories import make_user, token_for
from tests.core.safe_settings import SAFE
from tests.payments.factories import make_customer, make_subscription
from tests.support.clocks import host_ahead

pytestmark = pytest.mark.usefixtures("shown_plans")

FREE = {"plan": "free", "features": [], "limits": {"projects": 3, "devices": 1}}
PRO = {
    "plan": "pro",
    "features": ["export", "api", "invoice_export"],
    "limits": {"projects": 50, "devices": 5},
}


def subscribed(login, **subscription):
    user = login(make_user())
    make_subscription(make_customer(user), **subscription)
    return user


def entitlements(client):
    answer = client.get("/payments/entitlements")
    assert answer.headers["cache-control"] == "no-store"
    return answer.json()


def test_without_a_subscription_one_has_what_is_free(client, login):
    login(make_user())
    assert entitlements(client) == FREE


def test_who_asks_must_be_known(client, db):
    assert client.get("/payments/entitlements").status_code == 401


@pytest.mark.parametrize("status", ["trialing", "active"])
def test_a_subscription_in_force_opens_its_plan(client, login, status):
    subscribed(login, status=status)
    assert entitlements(client) == PRO


@pytest.mark.parametrize(
    "status", ["incomplete", "incomplete_expired", "canceled", "unpaid", "paused"]
)
def test_any_other_opens_nothing(client, login, status):
    """Edge case: incomplete and incomplete_expired are not active."""
    subscribed(
        login,
        status=status,
        **({} if status in ("unpaid", "paused") else {"live_customer_id": None}),
    )
    assert entitlements(client) == FREE


def test_another_users_subscription_opens_nothing(client, login):
    """Requirement 49."""
    subscribed(login)
    login(make_user())
    assert entitlements(client) == FREE


@pytest.mark.parametrize(
    "case", [(6.9, "7", PRO), (7.1, "7", FREE), (0.1, "0", FREE), (29, "30", PRO)]
)
def test_a_failed_payment_leaves_access_for_a_time_of_grace(client, login, settings, case):
    """Edge case: past_due keeps access, for a configurable grace."""
    days, grace, opened = case
    settings(PAYMENTS_GRACE_DAYS=grace)
    subscribed(login, status="past_due", past_due_since=utc_now() - timedelta(days=days))
    assert entitlements(client) == opened


@pytest.mark.parametrize(("left", "minutes", "opened"), [(3, 5, PRO), (-3, -5, FREE)])
def test_grace_ends_at_once_on_every_host(client, login, left, minutes, opened):
    since = utc_now() - timedelta(days=get_settings().payments_grace_days) + timedelta(minutes=left)
    subscribed(login, status="past_due", past_due_since=since)
    with host_ahead(minutes=minutes):
        assert entitlements(client) == opened


def test_in_production_time_is_the_databases(db, settings):
    settings(**SAFE, PASSWORD_HASH_KIB="19456")
    with host_ahead(minutes=5):
        assert abs(payments_now(db) - clock.read_database_time(db)) < timedelta(minutes=1)


def test_limits_may_be_none(client, login):
    subscribed(login, plan="team")
    assert entitlements(client)["limits"] == {"projects": None, "devices": 25}


def test_a_price_that_is_none_of_ours_opens_nothing(client, login):
    subscribed(login, plan=None)
    assert entitlements(client) == FREE
    assert client.get("/payments/subscription").json()["plan"] is None


gates = Router(prefix="/gates")
PROJECTS = {"count": 0}


@gates.get("/export", dependencies=[Depends(require_feature("export"))])
def export():
    return "exported"


@gates.get("/many", dependencies=[Depends(within_limit("devices", lambda _db, _user: 10))])
def many():
    return "many"


@gates.get("/fly", dependencies=[Depends(require_feature("fly"))])
def fly():
    return "flown"


@gates.get("/projects")
def project(
    _room: Annotated[None, Depends(within_limit("projects", lambda _db, _user: PROJECTS["count"]))],
):
    return "one more"


@pytest.fixture
def gate(db):
    app = FastAPI()
    problems.install_problem_handlers(app)
    app.include_router(gates)
    with TestClient(app) as client:
        yield lambda user, path: client.get(
            f"/gates/{path}", headers={"Authorization": f"Bearer {token_for(user)}"}
        )


@pytest.mark.parametrize(
    ("plan", "path", "upgrade"),
    [
        ("free", "export", "pro"),
        ("free", "many", "team"),
        ("pro", "export", None),
        ("pro", "many", "team"),
        ("team", "many", None),
    ],
)
def test_what_is_missing_names_the_plan_that_has_it(gate, plan, path, upgrade):
    user = make_user()
    if plan != "free":
        make_subscription(make_customer(user), plan=plan)
    answer = gate(user, path)
    if upgrade is None:
        assert answer.status_code == 200
    else:
        assert (answer.status_code, answer.json()["code"]) == (402, "upgrade_required")
        assert answer.json()["plan"] == upgrade


def test_a_feature_that_no_plan_has_names_none(gate):
    answer = gate(make_user(), "fly")
    assert (answer.status_code, answer.json()["plan"]) == (402, None)


@pytest.mark.parametrize(
    ("count", "status", "upgrade"),
    [(2, 200, None), (3, 402, "pro"), (49, 402, "pro"), (50, 402, "team")],
)
def test_a_limit_lets_in_as_many_as_it_says(gate, monkeypatch, count, status, upgrade):
    monkeypatch.setitem(PROJECTS, "count", count)
    answer = gate(make_user(), "projects")
    assert (answer.status_code, answer.json()["plan"] if upgrade else None) == (status, upgrade)


def test_a_gate_asks_who_is_there(db):
    app = FastAPI()
    problems.install_problem_handlers(app)
    app.include_router(gates)
    with TestClient(app) as client:
        assert client.get("/gates/export").status_code == 401


def test_the_demo_asks_for_what_its_plans_sell(client, login, settings):
    """The demo requires two entitlements of plans.toml.

    Outside development, the demo does not exist.
    """
    asked = (
        ("GET", "/payments/demo/invoices.csv", "pro"),
        ("POST", "/payments/demo/devices", "pro"),
    )
    user = login(make_user())
    for method, path, _ in asked:
        assert client.request(method, path).json()["code"] == "not_found"
    settings(ENVIRONMENT="development")
    for method, path, upgrade in asked:
        refused = client.request(method, path).json()
        assert (refused["code"], refused["plan"]) == ("upgrade_required", upgrade)
    make_subscription(make_customer(user), plan="pro")
    table, room = (client.request(method, path) for method, path, _ in asked)
    assert (table.status_code, table.text.splitlines()[0]) == (
        200,
        "number,status,currency,amount_due,amount_paid",
    )
    assert room.status_code == 204
    assert not any("/demo/" in path for path in client.get("/openapi.json").json()["paths"])
