"""Traces reach an OTLP collector, and contain no values."""

import subprocess
import sys

import pytest
from sqlalchemy import select, text

from app.core import outbound
from app.core.config import get_settings
from app.core.tracing import is_traced, span, start_tracing, stop_tracing, traceparent
from app.db.database import SessionLocal
from app.platform.jobs import Kind, declared_kinds, job_kinds, job_runs
from app.platform.models import Job
from tests.support import patient
from tests.support.collector import attributes_of, collector
from tests.support.jobs import enqueue
from tests.support.server import running_server

UNUSED = (
    "import sys, app.main; print([name for name in sys.modules "
    "if name.startswith(('opentelemetry.sdk', 'opentelemetry.exporter', 'sentry_sdk', 'boto'))])"
)


def test_without_the_setting_nothing_is_imported():
    found = subprocess.check_output([sys.executable, "-c", UNUSED], text=True)
    assert found.strip().splitlines()[-1] == "[]"
    assert not is_traced()
    assert traceparent() is None


def test_a_request_and_its_statements_are_one_trace(migrated):
    with collector() as received:
        with running_server(OTEL_EXPORTER_OTLP_ENDPOINT=received.url) as server:
            query = {"q": "a secret of this user"}
            assert patient.get(f"{server.url}/blog/posts", params=query).status_code == 200
        spans = received.spans()
    (request,) = [one for one in spans if attributes_of(one).get("http.route") == "/blog/posts"]
    statements = [one for one in spans if one.trace_id == request.trace_id and one.name == "SELECT"]
    assert statements
    assert all("db.query.text" in attributes_of(one) for one in statements)
    assert attributes_of(request)["url.query"] == "q"
    assert not any(b"secret" in body for _, body in received.requests)


@pytest.fixture
def traced(settings):
    """Start tracing, and yield the collector that receives this process's spans."""
    with collector() as received:
        settings(OTEL_EXPORTER_OTLP_ENDPOINT=received.url)
        start_tracing(get_settings(), "liftoff tests")
        try:
            yield received
        finally:
            stop_tracing()


def test_a_job_continues_the_trace_to_another_service(traced, committed, monkeypatch):
    """The request queues a job.

    The job gets no traceparent in its payload, and calls a service.
    """
    seen = []

    def call(db, payload):
        seen.append(payload)
        db.execute(text("SELECT 1"))
        with outbound.call_budget(5, 1000), outbound.http_client() as client:
            client.get(f"{traced.url}/private/path?with=values")

    monkeypatch.setitem(declared_kinds, "auth.traced", Kind("auth.traced", call))
    assert "auth.traced" in job_kinds()
    with span("request"):
        enqueue("auth.traced", {"id": 7})
    with SessionLocal() as db:
        assert "traceparent" in db.scalars(select(Job.payload)).one()
    assert job_runs.run_next()
    assert seen == [{"id": 7}]
    stop_tracing()
    spans = {one.name: one for one in traced.spans()}
    request, job, called = spans["request"], spans["job auth.traced"], spans["GET 127.0.0.1"]
    assert {one.trace_id for one in (job, called)} == {request.trace_id}
    assert (job.parent_span_id, called.parent_span_id) == (request.span_id, job.span_id)
    assert not any(b"private" in body for _, body in traced.requests)


def test_a_failure_shows_only_its_class(traced):
    with pytest.raises(ValueError, match="hunter2"), span("failing"):
        raise ValueError("the password is hunter2")
    stop_tracing()
    (failed,) = traced.spans()
    assert attributes_of(failed) == {"error.type": "ValueError"}
    assert not any(b"hunter2" in body for _, body in traced.requests)


def test_a_collector_that_is_away_delays_nothing(settings):
    settings(OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:9")
    start_tracing(get_settings(), "liftoff tests")
    with span("lost"):
        assert is_traced()
    stop_tracing()
    assert not is_traced()
