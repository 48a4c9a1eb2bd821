"""A server refuses requests if its database is unavailable, has an older or newer
schema, or is being migrated.
"""

import time
from types import SimpleNamespace

import httpx2
import pytest
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, text

from app.db.migrations import alembic_config, known_revisions
from app.db.urls import normalise_database_url
from app.platform.monitoring.probes import EVERY_SECONDS
from tests.db.alembic_runs import done
from tests.support.server import Server, running_server
from tests.support.trees import Tree


def look(server: Server, path: str, **sent: str) -> SimpleNamespace:
    """Return the response of this path. If fields are given, POST them as JSON."""
    answer = httpx2.request(
        "POST" if sent else "GET", f"{server.url}{path}", timeout=10, json=sent or None
    )
    body = answer.json()
    return SimpleNamespace(
        status=answer.status_code,
        code=body.get("code"),
        checks=body.get("checks"),
        headers=answer.headers,
    )


def redeem(server: Server) -> SimpleNamespace:
    """Call a route that needs no user and asks the database for a missing token."""
    return look(server, "/auth/verify-email", token="no-such-token")


def readiness(server: Server) -> SimpleNamespace:
    """Return a readiness response that was computed after this call began.

    A response is cached for a second.
    """
    time.sleep(EVERY_SECONDS)
    return look(server, "/health/ready")


def assert_unfit(server: Server, code: str, check: str) -> None:
    """Assert that the server is alive, not ready, and gives a 503 for everything
    else.
    """
    assert look(server, "/health/live").status == 200
    ready = readiness(server)
    assert (ready.status, ready.checks["migrations"]) == (503, check)
    for path in ("/auth/me", "/openapi.json", "/nowhere"):
        answer = look(server, path)
        assert (answer.status, answer.code) == (503, code), path
        assert int(answer.headers["retry-after"]) > 0
    assert (redeem(server).status, redeem(server).code) == (503, code)


def assert_fit(server: Server, check: str) -> None:
    ready = readiness(server)
    assert (ready.status, ready.checks) == (200, {"database": "ok", "migrations": check})
    assert look(server, "/auth/me").status == 401
    assert (redeem(server).status, redeem(server).code) == (400, "invalid_token")


def until_served(server: Server, seconds: float = 5) -> None:
    """Wait until a route is served. The readiness check would open the gate itself."""
    deadline = time.monotonic() + seconds
    while redeem(server).status != 400:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_the_server_waits_for_a_migration_and_then_serves(scratch_url):
    with running_server(DATABASE_URL=scratch_url) as server:
        assert_unfit(server, "database_not_migrated", "behind")
        done(scratch_url, "upgrade", "+1")
        assert_unfit(server, "database_not_migrated", "behind")
        done(scratch_url, "upgrade", "head")
        until_served(server)
        assert_fit(server, "ok")


def test_a_database_that_newer_code_migrated_is_served(scratch_url, scratch):
    done(scratch_url, "upgrade", "head")
    with scratch.connect() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = 'f00df00df00d'"))
    with running_server(DATABASE_URL=scratch_url) as server:
        assert_fit(server, "ahead")
        assert "state=ahead" in server.log


@pytest.mark.only("postgresql", "mysql")  # an SQLite file is always available
def test_a_server_starts_without_its_database_and_says_so(kind):
    url = {
        "postgresql": "postgresql://u:p@127.0.0.1:1/d_test",
        "mysql": "mysql://u:p@127.0.0.1:1/d_test",
    }[kind]
    with running_server(DATABASE_URL=url) as server:
        assert_unfit(server, "database_unavailable", "unreachable")


@pytest.mark.only("postgresql")
def test_a_database_that_returns_is_used_without_a_restart(scratch_url, kind):
    done(scratch_url, "upgrade", "head")
    url = normalise_database_url(scratch_url)
    admin = create_engine(url.set(database="postgres"), isolation_level="AUTOCOMMIT")
    name = admin.dialect.identifier_preparer.quote_identifier(str(url.database))
    cut = text("SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = :name")
    with running_server(DATABASE_URL=scratch_url) as server, admin.connect() as connection:
        assert_fit(server, "ok")
        connection.exec_driver_sql(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
        connection.execute(cut, {"name": url.database})
        for _ in range(3):
            answer = redeem(server)
            assert (answer.status, answer.code) == (503, "database_unavailable")
            assert int(answer.headers["retry-after"]) > 0
        assert look(server, "/health/live").status == 200
        ready = readiness(server)
        assert (ready.status, ready.checks["database"]) == (503, "unreachable")
        connection.exec_driver_sql(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
        assert_fit(server, "ok")
    admin.dispose()


def test_several_heads_are_named_and_not_guessed_between(tmp_path):
    versions = Tree(tmp_path).backend / "alembic" / "versions"
    (versions / "2030_second.py").write_text(
        'revision = "0000feedbeef"\ndown_revision = "8a53e96c0d14"\n'
    )
    with pytest.raises(RuntimeError, match=r"2 heads .*0000feedbeef.*alembic merge heads"):
        known_revisions(versions)


def test_the_known_revisions_are_those_of_alembic():
    script = ScriptDirectory.from_config(alembic_config())
    head, known = known_revisions()
    assert [head] == script.get_heads()
    assert known == {revision.revision for revision in script.walk_revisions()}
