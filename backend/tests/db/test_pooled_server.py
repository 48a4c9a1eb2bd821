"""A server and the migrations work behind a connection pooler."""

import os
import subprocess
import sys

import pytest
from sqlalchemy import text

from app.core.config import BACKEND
from tests.support import patient
from tests.support.pooler import running_pooler
from tests.support.server import running_server

pytestmark = pytest.mark.only("postgresql")

DEMO = {"username": "author@example.com", "password": "liftoff-demo-password"}
ADVISORY = (
    "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND database ="
    " (SELECT oid FROM pg_database WHERE datname = current_database())"
)


def run(*program, **variables):
    return subprocess.run(
        [sys.executable, "-m", *program],
        cwd=BACKEND,
        env=os.environ | {"ENVIRONMENT": "development"} | variables,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


@pytest.fixture
def pooled_url(scratch_url, tmp_path):
    with running_pooler(scratch_url, tmp_path) as url:
        yield url


def test_migrations_need_the_address_of_the_database_itself(pooled_url, scratch_url):
    refused = run("alembic", "upgrade", "head", DATABASE_URL=pooled_url)
    assert refused.returncode != 0
    assert "Set DATABASE_DIRECT_URL" in refused.stderr
    done = run(
        "alembic", "upgrade", "head", DATABASE_URL=pooled_url, DATABASE_DIRECT_URL=scratch_url
    )
    assert done.returncode == 0, done.stderr


def test_a_server_works_behind_a_pooler(pooled_url, scratch_url, scratch):
    addresses = {"DATABASE_URL": pooled_url, "DATABASE_DIRECT_URL": scratch_url}
    for program in (("alembic", "upgrade", "head"), ("app.cli", "seed")):
        done = run(*program, **addresses)
        assert done.returncode == 0, done.stderr
    with (
        running_server(ENVIRONMENT="development", EMBEDDED_WORKER="true", **addresses) as server,
        patient.Client(base_url=server.url) as client,
    ):
        assert client.get("/health/ready").json()["status"] == "ok"
        token = client.post("/auth/token", data=DEMO).json()["access_token"]
        signed_in = {"Authorization": f"Bearer {token}"}
        post = {"title": "Through the pool", "content": "Both ways", "is_published": True}
        made = [client.post("/blog/posts", json=post, headers=signed_in) for _ in range(3)]
        assert [one.status_code for one in made] == [201] * 3
        assert len({one.json()["slug"] for one in made}) == 3
        assert client.get("/blog/posts?limit=1").json()["items"][0] == {
            name: made[-1].json()[name]
            for name in client.get("/blog/posts?limit=1").json()["items"][0]
        }
        log = server.log
    assert "[error" not in log
    assert "Traceback" not in log
    with scratch.connect() as outside:
        assert outside.scalar(text(ADVISORY)) == 0
