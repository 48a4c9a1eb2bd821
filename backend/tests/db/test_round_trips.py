"""A request sends few messages to the database besides its statements.

A request also succeeds if its connection was lost since the previous request.
"""

import time

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import event, exc, func, insert, select, text, update
from sqlalchemy.orm import Session

from app.db.database import RoutedSession, SessionLocal, SideSession, db_dependency, engine
from app.db.drivers.transactions import only_reads
from app.db.engines import TRUSTED_SECONDS
from app.platform.routing import Router
from tests.support.widgets import Widget, widget_app

servers = pytest.mark.only("postgresql", "mysql")
IDS = {
    "postgresql": "SELECT pid FROM pg_stat_activity WHERE application_name = 'liftoff'"
    " AND datname = current_database()",
    "mysql": "SELECT id FROM information_schema.processlist"
    " WHERE db = DATABASE() AND id <> CONNECTION_ID()",
}
KILL = {"postgresql": "SELECT pg_terminate_backend(:id, 5000)", "mysql": "KILL :id"}
LAMP = {"name": "lamp"}

router = Router(prefix="/widgets", tags=["views"])


@router.get("/first-view")
def count_a_view(db: db_dependency) -> int:
    widget = db.scalars(select(Widget)).one()
    widget.weight += 1
    db.flush()
    return widget.weight


@router.get("/view-in-sql")
def count_a_view_in_sql(db: db_dependency) -> int:
    db.execute(text("UPDATE widgets SET weight = weight + 1"))
    return db.scalar(select(func.sum(Widget.weight))) or 0


@router.get("/view-in-a-savepoint")
def count_a_view_in_a_savepoint(db: db_dependency) -> int:
    with db.begin_nested():
        db.execute(update(Widget).values(weight=Widget.weight + 1))
    return db.scalar(select(func.sum(Widget.weight))) or 0


@router.get("/view-of-a-tutorial")
def count_a_view_and_commit(db: db_dependency) -> int:
    db.execute(update(Widget).values(weight=Widget.weight + 1))
    db.commit()
    return db.scalar(select(func.sum(Widget.weight))) or 0


@router.get("/failed-view")
def count_a_view_and_fail(db: db_dependency) -> None:
    db.execute(update(Widget).values(weight=Widget.weight + 1))
    raise RuntimeError("after the write")


@pytest.fixture
def views(committed):
    app = widget_app()
    app.router.routes[:0] = router.routes  # these routes must come before /widgets/{widget_id}
    with TestClient(app, raise_server_exceptions=False) as client:
        client.post("/widgets", json=LAMP)
        yield client


def weight() -> int:
    with SessionLocal() as db:
        return db.scalar(select(Widget.weight)) or 0


@pytest.mark.parametrize(
    "path", ["first-view", "view-in-sql", "view-in-a-savepoint", "view-of-a-tutorial"]
)
def test_a_get_that_writes_has_committed_when_it_answers(views, path):
    for number in range(1, 4):
        answer = views.get(f"/widgets/{path}")
        assert (answer.status_code, answer.json()) == (200, number)
        assert weight() == number


def test_a_get_that_fails_after_a_write_takes_it_back(views):
    assert views.get("/widgets/failed-view").status_code == 500
    assert weight() == 0


def test_a_get_that_writes_and_others_lose_no_update(views):
    """On SQLite, a transaction that has begun with a query cannot write if another
    request has written since.
    """
    with SessionLocal(info={"reading": True}) as db:
        assert db.scalar(select(Widget.weight)) == 0
        views.get("/widgets/view-in-sql")
        db.execute(update(Widget).values(weight=Widget.weight + 1))
        db.commit()
    assert weight() == 2


@servers
def test_a_reading_session_that_locks_a_row_holds_the_lock(views):
    with SessionLocal(info={"reading": True}) as db, SessionLocal() as other:
        db.scalar(select(Widget.id).with_for_update())
        free = other.scalars(select(Widget.id).with_for_update(skip_locked=True)).all()
        assert free == []


@pytest.mark.parametrize(
    ("statement", "reads"),
    [
        ("SELECT a FROM b", True),
        ("  with x as (select 1) select * from x", True),
        ("SELECT updated_at, is_deleted FROM b", True),
        ("SELECT a FROM b FOR UPDATE", False),
        ("SELECT a FROM b\nFOR NO KEY UPDATE OF b", False),
        ("SELECT a FROM b LOCK IN SHARE MODE", False),
        ("SELECT pg_advisory_xact_lock(1)", False),
        ("SELECT get_lock('a', 1)", False),
        ("SELECT set_config('a', 'b', true)", False),
        ("SELECT a INTO c FROM b", False),
        ("WITH x AS (DELETE FROM b RETURNING a) SELECT a FROM x", False),
        ("INSERT INTO b VALUES (1)", False),
        ("SAVEPOINT sa_savepoint_1", False),
        ("CREATE TABLE c (a INTEGER)", False),
    ],
)
def test_a_statement_that_only_reads(statement, reads):
    assert only_reads(statement) is reads


def kill_all(kind: str) -> int:
    """End every connection of the pool, as an administrator or a restart would."""
    with SideSession() as own:
        ids = own.scalars(text(IDS[kind])).all()
        for one in ids:
            own.execute(text(KILL[kind]), {"id": one})
    time.sleep(2 * TRUSTED_SECONDS)
    return len(ids)


@servers
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_connection_killed_between_requests_is_not_noticed(views, kind, method):
    views.get("/widgets")
    assert kill_all(kind) > 0
    answer = views.request(method, "/widgets", json={"name": "desk"} if method == "POST" else None)
    assert answer.is_success, answer.text


@pytest.fixture
def killed_once(kind):
    """Kill the next connection that is taken out of the pool, before its first
    statement.
    """
    left = [1]

    def kill(connection, _record, _proxy):
        if left:
            left.pop()
            own = connection.thread_id() if kind == "mysql" else connection.info.backend_pid
            with SideSession() as other:
                other.execute(text(KILL[kind]), {"id": own})

    event.listen(engine, "checkout", kill)
    yield
    event.remove(engine, "checkout", kill)
    assert not left


@servers
@pytest.mark.parametrize("reading", [True, False])
@pytest.mark.parametrize("method", ["scalar", "scalars", "execute"])
def test_the_first_statement_is_repeated_on_a_lost_connection(
    committed, killed_once, reading, method
):
    with SessionLocal(info={"reading": reading}) as db:
        found = getattr(db, method)(select(func.count()).select_from(Widget))
        assert (found if method == "scalar" else found.all()) in (0, [0], [(0,)])
        db.commit()


@servers
def test_a_later_statement_is_not_repeated(committed, kind):
    with SessionLocal() as db:
        db.execute(update(Widget).values(weight=1))
        kill_all(kind)
        with pytest.raises(exc.DBAPIError):
            db.scalar(select(Widget.id))


@servers
def test_a_session_with_new_rows_is_not_repeated(committed, killed_once):
    """Repeating the statement needs a rollback. The rollback would discard the new
    rows, and the repeated statement would not find them.
    """
    with SessionLocal() as db:
        db.add(Widget(**LAMP))
        with pytest.raises(exc.DBAPIError):
            db.scalar(select(Widget.id))


def reads(db: Session) -> None:
    db.scalar(select(Widget.id))


def writes(db: Session) -> None:
    db.execute(update(Widget).values(weight=1))


def writes_in_a_savepoint(db: Session) -> None:
    with db.begin_nested():
        db.execute(update(Widget).values(weight=1))


@servers
@pytest.mark.parametrize(
    ("work", "reading", "postgresql", "mysql"),
    [
        (reads, True, 1, 1),  # one message: no ping, no BEGIN and no COMMIT
        (writes, True, 2, 3),  # MySQL gets BEGIN as a separate message
        (writes, False, 2, 3),
        (writes_in_a_savepoint, False, 2, 5),
    ],
)
def test_messages_of_a_request(counted, work, reading, postgresql, mysql):
    """The first request also marks the change for the caches of other processes."""
    own, listener = counted
    for _ in range(2):
        before = listener.messages
        with RoutedSession(own, info={"reading": reading}) as db:
            work(db)
            db.commit()
    assert (
        listener.messages - before == {"postgresql": postgresql, "mysql": mysql}[own.dialect.name]
    )


@pytest.mark.only("postgresql")
def test_a_refused_value_leaves_the_transaction_to_begin(committed):
    """A statement that is refused before it is sent does not send BEGIN either."""
    with SessionLocal() as db:
        for refused in ("SELECT '\x00'", "SELECT +", "SELECT 1/0"):
            with pytest.raises(exc.DBAPIError):
                db.execute(text(refused))
            db.rollback()
        with pytest.raises(exc.DBAPIError):
            db.execute(text("SELECT :value"), {"value": "\x00"})
        db.execute(insert(Widget), LAMP)
        db.rollback()
        assert db.scalar(select(func.count()).select_from(Widget)) == 0


@pytest.mark.only("postgresql")
def test_a_server_cursor_works_for_reads_and_writes(committed):
    for reading in (True, False):
        with SessionLocal(info={"reading": reading}) as db:
            rows = db.scalars(
                text("SELECT generate_series(1, 2500)").execution_options(yield_per=100)
            )
            assert sum(rows) == 2500 * 2501 // 2
            db.add(Widget(name=f"lamp {reading}"))
            db.commit()
    with SessionLocal() as db:
        assert db.scalar(select(func.count()).select_from(Widget)) == 2


@pytest.mark.only("postgresql")
def test_a_level_of_isolation_holds_from_the_first_statement(committed):
    with SessionLocal(info={"reading": True}) as db:
        db.connection(execution_options={"isolation_level": "REPEATABLE READ"})
        assert db.scalar(text("SHOW transaction_isolation")) == "repeatable read"
        assert db.scalar(select(func.count()).select_from(Widget)) == 0
        with SessionLocal() as other:
            other.add(Widget(**LAMP))
            other.commit()
        assert db.scalar(select(func.count()).select_from(Widget)) == 0
    with SessionLocal() as db:
        assert db.scalar(text("SHOW transaction_isolation")) == "read committed"
