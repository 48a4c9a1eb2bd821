"""Metrics, liveness and readiness for operators."""

import pytest
from fastapi.testclient import TestClient
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import text

from app.core.config import get_settings
from app.main import create_app
from app.platform.monitoring import health
from tests.auth.factories import make_user, token_for
from tests.core.safe_settings import SAFE
from tests.support import patient
from tests.support.server import free_port, running_server


def counted(client):
    """Return how many requests were counted by method, route and status."""
    families = text_string_to_metric_families(client.get("/metrics").text)
    samples = [sample for family in families for sample in family.samples]
    return {
        (sample.labels["method"], sample.labels["route"], sample.labels["status"]): sample.value
        for sample in samples
        if sample.name == "http_request_duration_seconds_count"
    }


def test_a_request_is_counted_under_the_template_of_its_route(client, widgets, db):
    before = counted(client).get(("GET", "/widgets/{widget_id}", "404"), 0)
    for number in range(3):
        widgets.get(f"/widgets/{number + 1}")
    assert counted(client)["GET", "/widgets/{widget_id}", "404"] == before + 3


def test_what_clients_make_up_makes_no_series(client, db):
    client.get("/made-up-path-1")
    client.request("MADEUP", "/made-up-path-2")
    labels = {label for series in counted(client) for label in series}
    assert not [label for label in labels if "made" in label.lower()]
    assert ("GET", "none", "404") in counted(client)


def test_alive_and_ready(client, db):
    assert client.get("/health/live").json() == {"status": "ok"}
    ready = client.get("/health/ready")
    assert ready.status_code == 200
    assert ready.json() == {"status": "ok", "checks": {"database": "ok", "migrations": "ok"}}


def test_staging_says_so_when_it_is_ready(client, db, settings):
    settings(
        **SAFE | {"ENVIRONMENT": "staging", "STRIPE_SECRET_KEY": "sk_test_0123456789"},
        PASSWORD_HASH_KIB="",
    )
    ready = client.get("/health/ready").json()
    assert ready == {
        "status": "ok",
        "checks": {"database": "ok", "migrations": "ok", "environment": "staging"},
    }


def test_with_a_port_of_their_own_metrics_are_not_public(db):
    own = create_app(get_settings().model_copy(update={"metrics_port": 9100}))
    assert TestClient(own).get("/metrics").status_code == 404


def test_liveness_asks_no_database(client, db, statements):
    client.get("/health/live")
    assert statements == []


@pytest.fixture
def at_revision(app, db):
    """`at_revision(name)` sets the database's revision, and returns a client.

    The client accepts the special body of a 503 from readiness.
    """
    head = db.scalar(text("SELECT version_num FROM alembic_version"))
    client = TestClient(app)

    def say(revision=head):
        db.execute(
            text("UPDATE alembic_version SET version_num = :revision"), {"revision": revision}
        )
        db.commit()
        health.database.forget()
        return client

    yield say
    say().get("/health/ready")  # the gate remembers the revision, so make it read the old one again


@pytest.mark.parametrize(
    ("revision", "status", "state"),
    [("4f0c1d2a7b31", 503, "behind"), ("0123456789ab", 200, "ahead")],
)
def test_ready_says_where_the_migrations_are(at_revision, revision, status, state):
    answer = at_revision(revision).get("/health/ready")
    assert (answer.status_code, answer.json()["checks"]) == (
        status,
        {"database": "ok", "migrations": state},
    )
    assert answer.json()["status"] == ("ok" if status == 200 else "unavailable")


def test_a_database_migrated_by_newer_code_serves_everything(at_revision):
    client = at_revision("0123456789ab")
    client.get("/health/ready")
    user = {"Authorization": f"Bearer {token_for(make_user())}"}
    assert client.get("/auth/me", headers=user).status_code == 200


def test_a_database_behind_its_head_serves_only_health_checks(at_revision):
    client = at_revision("4f0c1d2a7b31")
    client.get("/health/ready")
    user = {"Authorization": f"Bearer {token_for(make_user())}"}
    refused = client.get("/auth/me", headers=user)
    assert (refused.status_code, refused.json()["code"]) == (503, "database_not_migrated")
    assert int(refused.headers["retry-after"]) > 0
    assert client.get("/health/live").status_code == 200
    at_revision().get("/health/ready")
    assert client.get("/auth/me", headers=user).status_code == 200


def test_without_redis_it_is_ready_and_says_so(migrated):
    with running_server(REDIS_URL=f"redis://127.0.0.1:{free_port()}/0") as server:
        answer = patient.get(f"{server.url}/health/ready")
    assert (answer.status_code, answer.json()["status"], answer.json()["checks"]["redis"]) == (
        200,
        "ok",
        "unreachable",
    )


def test_without_its_database_it_is_alive_and_not_ready(migrated, tmp_path):
    nowhere = f"postgresql://u:p@127.0.0.1:{free_port()}/x"
    with running_server(DATABASE_URL=nowhere) as server:
        ready = patient.get(f"{server.url}/health/ready")
        assert (ready.status_code, ready.json()["checks"]["database"]) == (503, "unreachable")
        refused = patient.get(f"{server.url}/auth/me")
        assert (refused.status_code, refused.json()["code"]) == (503, "database_unavailable")
        assert patient.get(f"{server.url}/health/live").status_code == 200
        assert "u:p@" not in server.log
