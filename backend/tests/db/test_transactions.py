"""A request is one transaction. It commits before the response is sent, or not at all.

A request that calls an outside service has several transactions.
`payments/test_commits.py` tests those.
"""

from concurrent.futures import ThreadPoolExecutor

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import event, func, select, text

from app.db.database import SessionLocal, SideSession, admission, db_dependency, engine
from app.platform.routing import Router
from tests.support.widgets import (
    OwnWidget,
    Widget,
    WidgetCreate,
    WidgetRead,
    add_widget,
    widget_app,
)

router = Router(prefix="/widgets", tags=["faults"])
OWN_ID = {"postgresql": "SELECT pg_backend_pid()", "mysql": "SELECT CONNECTION_ID()"}
KILL = {"postgresql": "SELECT pg_terminate_backend(:id, 5000)", "mysql": "KILL :id"}
LAMP = {"name": "lamp"}


@router.post("/orphan", response_model=WidgetRead)
def leave_an_orphan(db: db_dependency, data: WidgetCreate) -> Widget:
    db.execute(text("INSERT INTO orphans (id, widget_id) VALUES (1, 999999)"))
    return add_widget(db, data)


@router.post("/cut-off", response_model=WidgetRead)
def lose_the_connection(db: db_dependency, data: WidgetCreate) -> Widget:
    widget = add_widget(db, data)
    dialect = db.get_bind().dialect.name
    own = db.scalar(text(OWN_ID[dialect]))
    with SideSession() as other:
        other.execute(text(KILL[dialect]), {"id": own})
    return widget


@router.post("/{widget_id}/heavier", response_model=WidgetRead)
def grow(db: db_dependency, widget: OwnWidget) -> Widget:
    db.refresh(widget, with_for_update=True)
    widget.weight += 1
    return widget


@router.get("/on-the-loop")
async def ask_on_the_loop(db: db_dependency) -> int:
    return int(db.scalar(text("SELECT 1")) or 0)


@router.get("/off-the-loop")
def ask_off_the_loop(db: db_dependency) -> int:
    return int(db.scalar(text("SELECT 1")) or 0)


@pytest.fixture
def faulty(committed):
    app = widget_app()
    app.router.routes[:0] = router.routes  # these routes must come before /widgets/{widget_id}
    with TestClient(app) as client:
        yield client


@pytest.fixture
def orphans(committed, kind):
    """A table whose foreign key the database checks only when a transaction commits."""
    number = "INTEGER" if kind == "sqlite" else "BIGINT"
    with engine.begin() as connection:
        connection.execute(
            text(
                f"CREATE TABLE orphans (id INTEGER PRIMARY KEY, widget_id {number} "
                "REFERENCES widgets (id) DEFERRABLE INITIALLY DEFERRED)"
            )
        )
    yield
    with engine.begin() as connection:
        connection.execute(text("DROP TABLE orphans"))


def names() -> list[str]:
    with SessionLocal() as db:
        return list(db.scalars(select(Widget.name)))


@pytest.mark.only("sqlite", "postgresql")  # MySQL defers no constraint
def test_a_constraint_violated_at_commit_is_a_500_without_a_row(faulty, orphans, pool):
    answer = faulty.post("/widgets/orphan", json=LAMP)
    assert (answer.status_code, answer.json()["code"]) == (500, "internal_error")
    assert names() == []
    assert pool.checkedout() == 0


@pytest.mark.only("postgresql", "mysql")  # a connection to SQLite cannot be lost
def test_a_connection_lost_before_commit_is_a_503_without_a_row(faulty):
    answer = faulty.post("/widgets/cut-off", json=LAMP)
    assert (answer.status_code, answer.json()["code"]) == (503, "database_unavailable")
    assert int(answer.headers["Retry-After"]) > 0
    assert names() == []
    assert faulty.post("/widgets", json=LAMP).status_code == 201


@pytest.mark.parametrize("path", ["/widgets/then-fail", "/widgets/wrong-answer"])
def test_what_was_flushed_before_a_failure_is_gone(widgets, committed, pool, path):
    assert widgets.post(path, json=LAMP).status_code == 500
    assert names() == []
    assert pool.checkedout() == 0


def test_a_refusal_after_a_write_takes_the_write_back(widgets, committed):
    widgets.post("/widgets", json=LAMP)
    widgets.post("/widgets", json={"name": "desk"})
    desk = widgets.get("/widgets").json()["items"][0]["id"]
    assert widgets.put(f"/widgets/{desk}", json=LAMP).status_code == 409
    assert sorted(names()) == ["desk", "lamp"]


def test_the_row_is_committed_when_the_answer_arrives(widgets, committed):
    """The row is read from another connection, which sees only what is committed."""
    for number in range(10):
        assert widgets.post("/widgets", json={"name": f"lamp {number}"}).status_code == 201
        assert len(names()) == number + 1


def test_a_commit_in_the_route_still_works(widgets, committed):
    answer = widgets.post("/widgets/commit-in-route", json=LAMP)
    assert (answer.status_code, answer.json()["name"]) == (200, "lamp")
    assert names() == ["lamp"]


def test_every_request_gives_its_connection_back(widgets, committed, pool):
    for _ in range(3 * admission.slots):
        widgets.get("/widgets")
        widgets.post("/widgets", json=LAMP)  # after the first request, this gives 409
        widgets.post("/widgets/then-fail", json={"name": "desk"})
    assert pool.checkedout() == 0


def test_a_database_call_on_the_event_loop_fails_its_test(faulty):
    """This test shows that the fixture `no_database_on_the_event_loop` works. A route
    with the same body passes if it is a plain `def`.
    """
    assert faulty.get("/widgets/off-the-loop").json() == 1
    assert faulty.get("/widgets/on-the-loop").status_code == 500


def test_concurrent_read_then_write_loses_no_update(faulty):
    faulty.post("/widgets", json=LAMP)
    with SessionLocal() as db:
        path = f"/widgets/{db.scalar(select(Widget.id))}/heavier"
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda _: faulty.post(path).status_code, range(32)))
    assert set(answers) == {200}
    with SessionLocal() as db:
        assert db.scalar(select(func.sum(Widget.weight))) == 32


@pytest.mark.only("sqlite")
def test_only_unsafe_methods_take_the_write_lock_at_once(widgets, committed):
    begun: list[str] = []

    def note(statement):
        if statement.startswith("BEGIN"):
            begun.append(statement)

    def watch(connection, _record, _proxy):
        connection.set_trace_callback(note)

    event.listen(engine, "checkout", watch)
    try:
        widgets.get("/widgets")
        assert begun == []
        widgets.post("/widgets", json=LAMP)
    finally:
        event.remove(engine, "checkout", watch)
    assert begun == ["BEGIN IMMEDIATE"]


@pytest.mark.only("sqlite")
def test_readers_go_on_while_somebody_writes(widgets, committed):
    widgets.post("/widgets", json=LAMP)
    with SessionLocal() as writer, writer.begin():
        writer.execute(text("UPDATE widgets SET weight = 7"))
        assert widgets.get("/widgets").json()["items"][0]["weight"] == 0
