"""Logs, metrics and a response header show how many statements requests and jobs
send.
"""

import io
import json
import re
from queue import Queue

import pytest
from prometheus_client import REGISTRY

from app.core.config import get_settings
from app.core.logging import configure_logging
from app.db.watching import plans
from app.platform.jobs.job_runs import run_next
from tests.support.client import DocumentedClient
from tests.support.jobs import enqueue
from tests.support.widgets import widget_app

ID = 987_654_321
ROUTE = {"method": "GET", "route": "/widgets/{widget_id}"}


@pytest.fixture
def stream():
    return io.StringIO()


@pytest.fixture
def log(stream):
    """`log(event)` returns the log records of this event."""
    configure_logging(get_settings().model_copy(update={"log_format": "json"}), stream)

    def records(event):
        lines = map(json.loads, stream.getvalue().splitlines())
        return [line for line in lines if line["event"] == event]

    return records


@pytest.fixture
def asking(db, settings):
    """`asking(SLOW_STATEMENT_SECONDS="…")` returns a client of an application with
    these settings.
    """
    plans.forget()
    return lambda **variables: (settings(**variables), DocumentedClient(widget_app()))[1]


def test_the_access_log_has_number_and_time(asking, log):
    asking().get(f"/widgets/{ID}")
    (record,) = log("request")
    assert record["statements"] == 1
    assert 0 <= record["database_milliseconds"] <= record["milliseconds"]


def sample(name, **labels):
    return REGISTRY.get_sample_value(name, {**ROUTE, **labels}) or 0


def test_metrics_have_number_and_time_by_route(asking):
    names = ("http_request_statements_sum", "http_request_database_seconds_count")
    before = [sample(name) for name in names]
    seconds = sample("http_request_database_seconds_sum")
    for _ in range(3):
        asking().get(f"/widgets/{ID}")
    assert [sample(name) for name in names] == [number + 3 for number in before]
    assert sample("http_request_database_seconds_sum") > seconds


def test_a_header_shows_both_if_it_is_turned_on(asking):
    shown = asking(SERVER_TIMING="true").get(f"/widgets/{ID}").headers["server-timing"]
    assert re.fullmatch(r'db;dur=\d+\.\d;desc="1 statement"', shown)
    assert "server-timing" not in asking(SERVER_TIMING="").get(f"/widgets/{ID}").headers


def test_a_slow_statement_is_logged_with_its_route(asking, log):
    asking(SLOW_STATEMENT_SECONDS="0.000001").get(f"/widgets/{ID}")
    (record,) = log("slow_statement")
    assert record["level"] == "warning"
    assert record.items() >= ROUTE.items()
    assert 0 <= record["seconds"] < 10
    assert re.fullmatch("[0-9a-f]{12}", record["fingerprint"])
    assert record["statement"].startswith("SELECT widgets.id")
    assert str(ID) not in str(record)
    assert record["request_id"] == log("request")[0]["request_id"]
    assert log("slow_statement_plan") == []


def test_a_head_is_logged_as_the_get_that_serves_it(asking, log):
    asking(SLOW_STATEMENT_SECONDS="0.000001").head(f"/widgets/{ID}")
    (record,) = log("slow_statement")
    assert record.items() >= ROUTE.items()
    assert log("request")[0]["method"] == "HEAD"


def test_zero_seconds_log_nothing(asking, log):
    asking(SLOW_STATEMENT_SECONDS="0").get(f"/widgets/{ID}")
    assert log("slow_statement") == []


def test_on_request_the_plan_is_logged_once(asking, log):
    variables = {"SLOW_STATEMENT_SECONDS": "0.000001", "SLOW_STATEMENT_PLANS": "true"}
    for _ in range(2):
        asking(**variables).get("/widgets?offset=8765")
    plans.finish()
    names = [record["fingerprint"] for record in log("slow_statement")]
    page, count = names[:2]
    assert names == [page, count] * 2
    record, other = log("slow_statement_plan")
    assert (record["fingerprint"], other["fingerprint"]) == (page, count)
    assert (record["method"], record["route"]) == ("GET", "/widgets")
    assert "widgets" in str(record["plan"])
    assert "8765" not in str(record)


def test_a_query_without_a_plan_is_no_failure(db, log, stream):
    """The database's error message may quote values, so only the class of the error is
    logged.
    """
    plans.forget()
    plans.request_plan({}, "f1", "SELECT 's3cret' FROM no_such_table", ())
    plans.request_plan({}, "f2", "DELETE FROM widgets", ())
    plans.finish()
    (record,) = log("no_plan")
    assert record["fingerprint"] == "f1"
    assert "s3cret" not in stream.getvalue()
    assert log("slow_statement_plan") == []


def test_only_a_few_queries_wait_for_their_plan(monkeypatch):
    waiting: Queue[plans.Slow] = Queue(1)
    plans.forget()
    monkeypatch.setattr(plans, "waiting", waiting)
    monkeypatch.setattr(plans, "start_thread", lambda: None)
    monkeypatch.setattr(plans, "MOST", 1)
    for fingerprint in ("f1", "f2"):
        plans.request_plan({}, fingerprint, "SELECT 1", ())
    assert waiting.get().fingerprint == "f1"
    plans.request_plan({}, "f3", "SELECT 1", ())
    assert waiting.get().fingerprint == "f3"
    plans.request_plan({}, "f1", "SELECT 1", ())  # f3 has displaced f1
    assert waiting.get().fingerprint == "f1"


def test_a_job_is_counted_too(db, adding, log, stream, settings):
    settings(SLOW_STATEMENT_SECONDS="0.000001")
    enqueue("test.add", {"name": "s3cret"})
    assert run_next()
    (done,) = log("job_done")
    assert done["statements"] >= 1
    assert done["database_seconds"] >= 0
    assert {record["job"] for record in log("slow_statement")} == {"test.add"}
    assert "s3cret" not in stream.getvalue()
