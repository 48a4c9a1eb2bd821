"""Every connection keeps its promises. The tests ask the database itself."""

import sqlite3
import threading
import time
from contextlib import closing
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from pydantic import SecretStr
from sqlalchemy import exc, func, select, text, update

from app.core.config import Settings
from app.core.types import utc_now
from app.db import clock
from app.db.database import SIDE_POOL, SideSession, admission, engine, side_session
from app.db.engines import LOCK_SECONDS, TRUSTED_SECONDS, make_engine
from app.db.errors import translate_database_error
from tests.support.smtp import wait_until
from tests.support.widgets import Widget

NEPAL = timezone(timedelta(hours=5, minutes=45))


@pytest.mark.only("postgresql")
@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("statement_timeout", "4s"),
        ("lock_timeout", "3s"),
        ("idle_in_transaction_session_timeout", "30s"),
        ("TimeZone", "UTC"),
        ("application_name", "liftoff"),
        ("transaction_isolation", "read committed"),
        ("client_encoding", "UTF8"),
    ],
)
def test_postgresql_holds_to_our_limits(engine_of_ours, setting, value):
    with engine_of_ours.connect() as connection:
        assert connection.scalar(text("SELECT current_setting(:name)"), {"name": setting}) == value


@pytest.mark.only("mysql")
@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("max_statement_time", 4),
        ("innodb_lock_wait_timeout", 3),
        ("time_zone", "+00:00"),
        ("tx_isolation", "READ-COMMITTED"),
        ("character_set_client", "utf8mb4"),
        ("character_set_connection", "utf8mb4"),
        ("character_set_database", "utf8mb4"),
        ("collation_database", "utf8mb4_bin"),
    ],
)
def test_mysql_holds_to_our_limits(engine_of_ours, variable, value):
    with engine_of_ours.connect() as connection:
        assert connection.scalar(text(f"SELECT @@{variable}")) == value


@pytest.mark.only("mysql")
def test_mysql_is_strict_instead_of_cutting_values(engine_of_ours):
    with engine_of_ours.connect() as connection:
        modes = set(str(connection.scalar(text("SELECT @@sql_mode"))).split(","))
    assert {"STRICT_ALL_TABLES", "NO_ZERO_DATE", "NO_ENGINE_SUBSTITUTION"} <= modes


@pytest.mark.only("sqlite")
@pytest.mark.parametrize(
    ("pragma", "value"),
    [("journal_mode", "wal"), ("foreign_keys", 1), ("busy_timeout", 3000), ("synchronous", 2)],
)
def test_sqlite_holds_to_our_limits(engine_of_ours, pragma, value):
    with engine_of_ours.connect() as connection:
        assert connection.scalar(text(f"PRAGMA {pragma}")) == value


@pytest.mark.only("sqlite")
def test_a_new_file_that_another_process_writes_is_waited_for(tmp_path):
    """SQLite immediately refuses to switch such a file to WAL, whatever the timeout is.

    This happens when several processes start at the same time.
    """
    file = tmp_path / "new.db"
    writer = sqlite3.connect(file, isolation_level=None, check_same_thread=False)
    writer.execute("BEGIN IMMEDIATE")
    done = threading.Timer(0.3, writer.execute, ["COMMIT"])
    own = make_engine(
        Settings(database_url=SecretStr(f"sqlite:///{file}")), pool_size=1, max_overflow=0
    )
    done.start()
    with own.connect() as connection:
        assert connection.scalar(text("PRAGMA journal_mode")) == "wal"
    done.join()
    writer.close()
    own.dispose()


@pytest.mark.only("sqlite")
def test_a_new_file_is_not_waited_for_without_end(tmp_path):
    file = tmp_path / "new.db"
    own = make_engine(
        Settings(database_url=SecretStr(f"sqlite:///{file}")), pool_size=1, max_overflow=0
    )
    started = time.monotonic()
    with closing(sqlite3.connect(file, isolation_level=None)) as writer:
        writer.execute("BEGIN IMMEDIATE")
        with pytest.raises(exc.OperationalError) as caught:
            own.connect()
    answer = translate_database_error(caught.value)
    assert answer
    assert (answer.status, answer.code) == (503, "database_timeout")
    assert LOCK_SECONDS <= time.monotonic() - started < LOCK_SECONDS + 3
    own.dispose()


def test_every_script_round_trips_and_accents_are_distinct(db):
    names = ["é", "e", "E", "Ω ≈ ç", "日本語", "👩‍🚀", "a\u0301"]
    db.add_all(Widget(name=name) for name in names)
    db.flush()
    assert sorted(db.scalars(select(Widget.name))) == sorted(names)
    assert db.scalar(select(func.count()).where(Widget.name == "e")) == 1


@given(
    st.datetimes(
        datetime(1971, 1, 2),  # noqa: DTZ001 - hypothesis adds the zone
        datetime(9999, 12, 30),  # noqa: DTZ001
        timezones=st.sampled_from([UTC, NEPAL]),
    )
)
@hypothesis_settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_a_moment_comes_back_to_the_microsecond_in_utc(db, moment):
    widget = Widget(name="clock", created_at=moment)
    with db.begin_nested() as savepoint:
        db.add(widget)
        db.flush()
        db.refresh(widget)
        assert widget.created_at == moment
        assert widget.created_at.utcoffset() == timedelta(0)
        assert db.scalar(select(Widget.id).where(Widget.created_at == moment)) == widget.id
        savepoint.rollback()


def test_a_time_without_a_zone_is_refused_as_the_bug_that_it_is(db):
    db.add(Widget(name="clock", created_at=datetime(2026, 1, 1)))  # noqa: DTZ001 - the point
    with pytest.raises(exc.StatementError, match="needs a time zone") as caught:
        db.flush()
    assert translate_database_error(caught.value) is None  # a bug of ours, so the client gets a 500


def test_rows_know_when_they_were_made_and_changed(db):
    widget = Widget(name="clock")
    db.add(widget)
    db.flush()
    made = widget.updated_at
    assert abs(utc_now() - widget.created_at) < timedelta(seconds=60)
    wait_until(lambda: clock.read_database_time(db) > made, 60)  # SQLite's time has milliseconds
    db.execute(update(Widget).values(weight=1))
    db.refresh(widget)
    assert widget.created_at <= made < widget.updated_at


def test_savepoints_keep_what_came_before_them(committed):
    with committed() as session, session.begin():
        session.add(Widget(name="kept"))
        session.flush()
        with session.begin_nested() as savepoint:
            session.add(Widget(name="kept"))
            with pytest.raises(exc.IntegrityError):
                session.flush()
            savepoint.rollback()
    with committed() as session:
        assert session.scalars(select(Widget.name)).all() == ["kept"]


def test_pools_are_as_large_as_the_settings_say(pool):
    own = Settings()
    assert (pool.size(), pool.timeout()) == (own.database_pool_size, own.database_pool_timeout)
    assert admission.slots == own.database_pool_size + own.database_max_overflow
    assert SideSession.kw["bind"].pool.size() == SIDE_POOL


def test_a_side_session_outlives_the_refusal_around_it(committed, kind):
    with committed() as session:
        if kind != "sqlite":  # on SQLite, a side session waits for the main transaction
            session.add(Widget(name="main"))
            session.flush()
        with side_session() as side:
            side.add(Widget(name="side"))
        session.rollback()
    with committed() as session:
        assert session.scalars(select(Widget.name)).all() == ["side"]


@pytest.mark.only("postgresql", "mysql")
def test_connections_closed_by_the_server_are_replaced_unnoticed(engine_of_ours, kind):
    """Both idle connections of the pool are closed, as a restart, a failover or a
    firewall would do.
    """
    own_id = "pg_backend_pid()" if kind == "postgresql" else "CONNECTION_ID()"
    kill = "SELECT pg_terminate_backend(:id, 5000)" if kind == "postgresql" else "KILL :id"
    with engine_of_ours.connect() as first, engine_of_ours.connect() as second:
        ids = [connection.scalar(text(f"SELECT {own_id}")) for connection in (first, second)]
    with engine.connect() as admin:
        for number in ids:
            admin.execute(text(kill), {"id": number})
    time.sleep(2 * TRUSTED_SECONDS)
    with engine_of_ours.connect() as first, engine_of_ours.connect() as second:
        assert {
            connection.scalar(text(f"SELECT {own_id}")) for connection in (first, second)
        }.isdisjoint(ids)


SLEEP = {"postgresql": "SELECT pg_sleep(5)", "mysql": "SELECT SLEEP(5)"}
SHORT = {"postgresql": "SET statement_timeout = '200ms'", "mysql": "SET max_statement_time = 0.2"}


@pytest.mark.only("postgresql", "mysql")
def test_a_statement_over_its_limit_is_a_database_timeout(engine_of_ours, kind):
    started = time.monotonic()
    with engine_of_ours.connect() as connection:
        connection.execute(text(SHORT[kind]))
        with pytest.raises(exc.DBAPIError) as caught:
            connection.execute(text(SLEEP[kind]))
        connection.invalidate()
    answer = translate_database_error(caught.value)
    assert answer
    assert (answer.status, answer.code) == (503, "database_timeout")
    assert time.monotonic() - started < 2


@pytest.mark.parametrize("url", ["oracle://u@h/d", "mssql+pyodbc://u@h/d"])
def test_a_database_that_we_do_not_know_is_refused_by_name(url):
    with pytest.raises(ValueError, match=url.partition(":")[0].partition("+")[0]):
        make_engine(Settings(database_url=SecretStr(url)), pool_size=1, max_overflow=0)
