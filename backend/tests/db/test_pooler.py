"""Every promise also holds behind a pooler that lends a connection for one transaction.

A real PgBouncer stands between the application and PostgreSQL.
"""

import threading
import time

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from app.core.config import get_settings
from app.db.capacity import check_capacity
from app.db.engines import JOB_STATEMENT_SECONDS, Limits, make_engine
from app.db.role_limits import is_pooled, write_limits
from app.db.urls import normalise_database_url
from tests.support.pooler import running_pooler

pytestmark = pytest.mark.only("postgresql")

NAMES = ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout", "timezone")
OURS = ["4s", "3s", "30s", "UTC"]
IGNORES = "ignore_startup_parameters = options"


@pytest.fixture(params=["", IGNORES], ids=["refuses options", "ignores options"])
def pooled_url(request, scratch_url, tmp_path):
    with running_pooler(scratch_url, tmp_path, connections=2, more=request.param) as url:
        yield url


@pytest.fixture
def engines(settings):
    """`engines(url)` returns an engine that is made in the same way as the
    application's.
    """
    made = []

    def engine(url, **options):
        settings(DATABASE_URL=url)
        made.append(make_engine(get_settings(), pool_size=2, max_overflow=0, **options))
        return made[-1]

    yield engine
    for one in made:
        one.dispose()


def shown(db):
    return [db.scalar(text(f"SHOW {name}")) for name in NAMES]


def reading(engine):
    """Return a session as for a GET: plain queries need no transaction."""
    from app.db.database import RoutedSession

    return RoutedSession(engine, info={"reading": True})


def test_each_transaction_has_the_limits_of_its_engine(pooled_url, engines):
    with Session(engines(pooled_url)) as db:
        assert is_pooled(db.connection())
        assert shown(db) == OURS
    with Session(engines(pooled_url, limits=Limits(JOB_STATEMENT_SECONDS))) as db:
        assert shown(db) == ["1min", *OURS[1:]]


def test_a_query_of_a_get_has_the_limits_too(pooled_url, engines):
    with reading(engines(pooled_url)) as db:
        assert shown(db) == OURS


def test_nothing_that_we_set_reaches_another_client(pooled_url, engines):
    with Session(engines(pooled_url)) as db:
        assert shown(db) == OURS
        db.commit()
    other = create_engine(normalise_database_url(pooled_url))
    with other.connect() as connection:
        assert connection.scalar(text("SHOW statement_timeout")) == "0"
        assert connection.scalar(text("SHOW lock_timeout")) == "0"
    other.dispose()


def test_a_direct_connection_is_not_taken_for_a_pooler(scratch_url, engines):
    with reading(engines(scratch_url)) as db:
        assert not is_pooled(db.connection())
        assert shown(db) == OURS


@pytest.mark.parametrize("word", ["none", "transaction"])
def test_the_setting_overrides_what_is_found(word, scratch_url, engines, settings):
    settings(DATABASE_POOLER=word)
    with Session(engines(scratch_url)) as db:
        assert is_pooled(db.connection()) == (word == "transaction")
        assert shown(db) == OURS


def test_defaults_of_the_role_spare_a_get_its_transaction(scratch_url, engines, settings, tmp_path):
    settings(DATABASE_URL=scratch_url)
    write_limits(get_settings())
    with running_pooler(scratch_url, tmp_path) as url, reading(engines(url)) as db:
        assert shown(db) == OURS
        assert is_pooled(db.connection())
        assert not db.scalar(text("SELECT pg_current_xact_id_if_assigned() IS NOT NULL"))
        # Without a transaction, each statement has a separate snapshot and start time.
        first, second = (db.scalar(text("SELECT transaction_timestamp()")) for _ in range(2))
        assert first < second


def test_without_such_defaults_a_get_reads_in_one_transaction(pooled_url, engines):
    with reading(engines(pooled_url)) as db:
        first, second = (db.scalar(text("SELECT transaction_timestamp()")) for _ in range(2))
        assert first == second


def test_a_wait_for_a_lock_ends_behind_a_pooler(pooled_url, engines, scratch):
    with scratch.connect() as outside:
        outside.execute(text("CREATE TABLE locked (id int)"))
        outside.execute(text("BEGIN; LOCK TABLE locked IN ACCESS EXCLUSIVE MODE"))
        began = time.monotonic()
        with Session(engines(pooled_url)) as db, pytest.raises(OperationalError, match="lock"):
            db.execute(text("SELECT * FROM locked"))
        assert time.monotonic() - began < 30
        outside.execute(text("ROLLBACK"))


def test_more_clients_than_connections_take_turns(pooled_url, engines):
    """Each of 8 threads counts 20 times. The pooler has 2 connections."""
    engine = engines(pooled_url)
    with Session(engine) as db, db.begin():
        db.execute(text("CREATE TABLE counted (n int)"))
        db.execute(text("INSERT INTO counted VALUES (0)"))

    def count():
        for _ in range(20):
            with Session(engine) as db, db.begin():
                db.execute(text("UPDATE counted SET n = n + 1"))

    threads = [threading.Thread(target=count) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with Session(engine) as db:
        assert db.scalar(text("SELECT n FROM counted")) == 160


def test_a_savepoint_works_behind_a_pooler(pooled_url, engines):
    with Session(engines(pooled_url)) as db, db.begin():
        db.execute(text("CREATE TABLE kept (id int PRIMARY KEY)"))
        db.execute(text("INSERT INTO kept VALUES (1)"))
        with pytest.raises(Exception, match="duplicate"), db.begin_nested():
            db.execute(text("INSERT INTO kept VALUES (1)"))
        db.execute(text("INSERT INTO kept VALUES (2)"))
        assert db.scalar(text("SELECT count(*) FROM kept")) == 2


def test_the_pool_arithmetic_is_the_poolers_own(pooled_url, engines, monkeypatch):
    from app.db import capacity

    monkeypatch.setattr(capacity, "SideSession", lambda: Session(engines(pooled_url)))
    monkeypatch.setattr(capacity, "WORKER_POOL", 100_000)
    check_capacity(get_settings())
