"""Requests with an Idempotency-Key that fail, or that arrive at the same time.

first    store key, commit ... effect ......................... answer, commit
second                         key is taken → 409, or the stored answer
"""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, Event

import pytest
import time_machine
from sqlalchemy import Engine, event
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from app.core.types import utc_now
from app.platform.models import LEASE, IdempotencyKey
from app.platform.requests.idempotency import Claim
from tests.platform.keyed import KEY, WIDGET, rows
from tests.support.widgets import Widget


@pytest.fixture
def failing_commits():
    """Make the commit of a widget fail, as if the connection had just broken."""

    def note(connection, _cursor, statement, *_):
        if statement.startswith("INSERT INTO widgets"):
            connection.info["widget"] = True

    def fail(connection):
        if connection.info.pop("widget", False):
            # The database server also rolls back the transaction of a lost connection.
            connection.connection.rollback()
            raise OperationalError("COMMIT", {}, Exception("the connection broke"))

    event.listen(Engine, "before_cursor_execute", note)
    event.listen(Engine, "commit", fail)
    yield
    event.remove(Engine, "before_cursor_execute", note)
    event.remove(Engine, "commit", fail)


def test_a_failed_commit_leaves_no_effect_and_a_free_key(widgets, committed, failing_commits):
    answer = widgets.post("/widgets", json=WIDGET, headers=KEY)
    assert (answer.status_code, answer.json()["code"]) == (503, "database_unavailable")
    assert (rows(), rows(IdempotencyKey)) == (0, 0)


def test_an_endpoint_that_fails_frees_its_key(widgets, committed):
    widgets.post("/widgets", json=WIDGET)
    assert widgets.post("/widgets", json=WIDGET, headers=KEY).status_code == 409
    assert rows(IdempotencyKey) == 0


def test_a_crash_blocks_the_key_for_its_lease_only(widgets, committed, monkeypatch):
    # If a process is killed, nobody is left to free its key. A test that runs in one
    # process can only imitate this.
    monkeypatch.setattr(Claim, "release", lambda _: None)
    widgets.post("/widgets", json=WIDGET)
    assert widgets.post("/widgets", json=WIDGET, headers=KEY).status_code == 409
    waiting = widgets.post("/widgets", json=WIDGET, headers=KEY)
    assert waiting.json()["code"] == "idempotency_in_progress"
    assert waiting.headers["retry-after"] == "1"
    with time_machine.travel(utc_now() + LEASE):
        assert widgets.post("/widgets", json={"name": "wheel"}, headers=KEY).status_code == 201


def test_while_the_first_is_running_a_second_is_told_to_wait(widgets, committed, monkeypatch):
    """The test stops the first request just before its effect. The key is already
    committed.
    """
    reached, go_on = Event(), Event()

    def stand_still(session, _flush_context, _instances):
        if any(isinstance(row, Widget) for row in session.new):
            reached.set()
            assert go_on.wait(60)

    event.listen(Session, "before_flush", stand_still)
    try:
        with ThreadPoolExecutor(1) as threads:
            first = threads.submit(widgets.post, "/widgets", json=WIDGET, headers=KEY)
            assert reached.wait(60)
            second = widgets.post("/widgets", json=WIDGET, headers=KEY)
            other = widgets.post("/widgets", json=WIDGET | {"weight": 2}, headers=KEY)
            go_on.set()
            assert first.result().status_code == 201
    finally:
        go_on.set()
        event.remove(Session, "before_flush", stand_still)
    assert (second.status_code, second.json()["code"]) == (409, "idempotency_in_progress")
    assert second.headers["retry-after"] == "1"
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    assert (
        widgets.post("/widgets", json=WIDGET, headers=KEY).headers["idempotency-replayed"] == "true"
    )


def test_twenty_at_once_have_one_effect(widgets, committed):
    together = Barrier(20)

    def post(_):
        together.wait()
        return widgets.post("/widgets", json=WIDGET, headers=KEY)

    with ThreadPoolExecutor(20) as threads:
        answers = list(threads.map(post, range(20)))
    created = {answer.content for answer in answers if answer.status_code == 201}
    assert len(created) == 1
    others = {answer.json()["code"] for answer in answers if answer.status_code != 201}
    assert others <= {"idempotency_in_progress"}
    assert rows() == 1
