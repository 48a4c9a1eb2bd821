"""Documents are stored through the real PyMongo. Without MongoDB, clients get a clear
error.
"""

import socket
import subprocess
import sys
import time

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from pymongo.errors import OperationFailure

from app.core.config import BACKEND, get_settings
from app.db.documents import (
    DocumentsNotConfigured,
    close_documents,
    documents_dependency,
    open_documents,
    translate_documents_error,
)
from app.platform import middleware, problems
from app.platform.monitoring import health, metrics
from app.platform.routing import Router
from tests.support.mongo import documents_url, neosqlite

__all__ = ["documents_url", "neosqlite"]

router = Router(prefix="/notes")


@router.get("")
def count_notes(documents: documents_dependency) -> int:
    return documents["notes"].count_documents({})


@router.post("")
def add_note(documents: documents_dependency) -> int:
    documents["notes"].insert_one({"text": "plums"})
    return documents["notes"].count_documents({"text": "plums"})


@pytest.fixture
def notes(migrated):
    """`notes()` returns a client of an application with these routes."""

    def open_client():
        app = FastAPI(middleware=middleware.middleware_stack(get_settings()))
        problems.install_problem_handlers(app)
        app.include_router(router)
        return TestClient(app)

    yield open_client
    close_documents()


@pytest.fixture
def _checked_anew():
    health.probes.cache_clear()
    yield
    health.probes.cache_clear()


def test_a_route_reads_and_writes_documents(documents_url, notes):
    client = notes()
    assert client.get("/notes").json() == 0
    assert client.post("/notes").json() == 1
    assert client.get("/notes").json() == 1


def test_a_route_without_mongodb_says_what_to_set(settings, notes):
    settings(MONGODB_URL="")
    close_documents()
    answer = notes().get("/notes")
    assert (answer.status_code, answer.json()["code"]) == (503, DocumentsNotConfigured.code)
    assert "MONGODB_URL" in answer.json()["detail"]


def test_an_unreachable_server_is_503(settings, notes):
    close_documents()
    settings(MONGODB_URL="mongodb://127.0.0.1:9/x", DATABASE_STATEMENT_TIMEOUT="1")
    answer = notes().get("/notes")
    assert (answer.status_code, answer.json()["code"]) == (503, "documents_unavailable")
    assert answer.headers["Retry-After"] == "5"


def test_a_silent_server_is_not_waited_for(settings, notes):
    """A silent server accepts connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        close_documents()
        settings(MONGODB_URL=f"mongodb://127.0.0.1:{port}/x", DATABASE_STATEMENT_TIMEOUT="1")
        began = time.monotonic()
        answer = notes().get("/notes")
        assert answer.json()["code"] == "documents_unavailable"
        assert time.monotonic() - began < 5


def test_a_mistake_in_a_command_is_no_outage():
    assert translate_documents_error(OperationFailure("unknown operator")) is None


@pytest.mark.usefixtures("_checked_anew")
def test_readiness_reports_documents(client, db, documents_url, settings):
    assert client.get("/health/ready").json()["checks"]["documents"] == "ok"
    close_documents()
    health.probes.cache_clear()
    settings(MONGODB_URL="mongodb://127.0.0.1:9/x")
    answer = client.get("/health/ready")
    assert (answer.status_code, answer.json()["checks"]["documents"]) == (200, "unreachable")


def test_commands_and_connections_are_measured(documents_url, notes):
    assert notes().post("/notes").status_code == 200
    text = bytes(metrics.read_metrics().body).decode()
    assert 'liftoff_documents_command_seconds_count{command="insert",result="ok"}' in text
    assert 'liftoff_documents_connections_total{what="opened"}' in text
    assert "liftoff_documents_pool_wait_seconds_count" in text


def test_the_path_names_the_database(settings):
    for url, name in (("mongodb://h", "liftoff"), ("mongodb://h:27017/own?w=1", "own")):
        close_documents()
        settings(MONGODB_URL=url)
        assert open_documents().name == name
    close_documents()


def test_connections_are_closed_at_the_end(documents_url):
    documents = open_documents()
    documents.command("ping")
    close_documents()
    with pytest.raises(Exception, match="after close"):
        documents.command("ping")


def test_pymongo_is_not_imported_without_need(migrated):
    probe = "import sys, app.main; print('pymongo' in sys.modules, 'bson' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", probe], cwd=BACKEND, capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "False False"
