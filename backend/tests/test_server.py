"""If `python -m app.server` cannot start, it prints one line and soon exits with a
failure code.
"""

import os
import shutil
import subprocess
import sys

import httpx2
import psutil
import pytest
from sqlalchemy import text

from app.core.config import BACKEND
from app.db.database import engine
from tests.support.server import START_SECONDS, free_port, running_server
from tests.support.smtp import wait_until

ROUTER = (
    "from app.platform.routing import Router\nrouter = Router(prefix='/tasks', tags=['tasks'])\n"
)
SERVER = [sys.executable, "-m", "app.server"]

several = pytest.mark.parametrize("processes", ["1", "2"])


def ended(cwd=BACKEND, **variables):
    """Return the exit code and standard error of a server that ends by itself."""
    env = os.environ | {"PORT": str(free_port())} | variables
    run = subprocess.run(
        SERVER, cwd=cwd, env=env, capture_output=True, text=True, timeout=START_SECONDS, check=False
    )
    return run.returncode, run.stderr


@pytest.fixture
def broken(tmp_path):
    """Return a copy of the application with a router that cannot be imported."""
    backend = tmp_path / "backend"
    shutil.copytree(
        BACKEND / "app", backend / "app", ignore=shutil.ignore_patterns("__pycache__", "demo")
    )
    shutil.copytree(BACKEND / "alembic", backend / "alembic")
    shutil.copy(BACKEND / "plans.toml", backend)
    feature = backend / "app" / "routers" / "tasks"
    feature.mkdir()
    (feature / "__init__.py").touch()
    router = feature / "router.py"
    router.write_text("import nonsense_module\n")
    return backend, router


@pytest.mark.only("sqlite")  # no database is used
@several
def test_a_broken_feature_ends_the_start(broken, processes):
    code, said = ended(broken[0], WEB_CONCURRENCY=processes)
    assert (
        said
        == "app/routers/tasks/router.py:1: ModuleNotFoundError: No module named 'nonsense_module'\n"
    )
    assert code == 1


@pytest.mark.only("sqlite")
def test_the_development_server_waits_for_a_feature_to_be_fixed(migrated, tmp_path, broken):
    backend, router = broken
    port, log = free_port(), tmp_path / "log"
    with log.open("w") as file:
        env = os.environ | {"PORT": str(port)}
        server = subprocess.Popen(
            [*SERVER, "--reload"], cwd=backend, env=env, stdout=file, stderr=file
        )
    try:
        wait_until(lambda: "No module named 'nonsense_module'" in log.read_text(), START_SECONDS)
        router.write_text(ROUTER)
        wait_until(lambda: "Application startup complete" in log.read_text(), START_SECONDS)
        assert httpx2.get(f"http://127.0.0.1:{port}/health/live", timeout=10).status_code == 200
    finally:
        server.terminate()
        server.wait(10)


@pytest.mark.only("postgresql", "mysql")
@several
def test_a_database_with_too_few_connections_ends_the_start(migrated, processes):
    variable = {"postgresql": "current_setting('max_connections')", "mysql": "@@max_connections"}[
        engine.dialect.name
    ]
    with engine.connect() as connection:
        allowed = str(connection.scalar(text(f"SELECT {variable}")))
    code, said = ended(
        WEB_CONCURRENCY=processes, DATABASE_POOL_SIZE=allowed, WORKER_THREADS=allowed
    )
    assert said.startswith("WEB_CONCURRENCY x (DATABASE_POOL_SIZE + DATABASE_MAX_OVERFLOW + 4) is ")
    assert said.endswith("Lower these settings, or raise max_connections on the server.\n")
    assert said.count("\n") == 1
    assert code == 1


@pytest.mark.only("postgresql", "mysql")
def test_the_supervising_process_keeps_no_connection(migrated):
    with running_server(WEB_CONCURRENCY="2") as server:
        connections = psutil.Process(server.process.pid).net_connections("tcp")
    assert [one.raddr for one in connections if one.raddr] == []
