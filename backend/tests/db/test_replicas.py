"""Reads use a real streaming standby, or the primary if the standby cannot be used."""

import threading
import time

import pytest
from pydantic import SecretStr
from sqlalchemy import column, insert, select, table, text
from sqlalchemy.exc import DBAPIError

from app.core.config import get_settings
from app.db.capacity import connections_needed
from app.db.engines import make_engine
from app.db.replicas import LATE_SECONDS, Replicas
from tests.support.pooler import running_pooler
from tests.support.standby import primary_and_standby, until

pytestmark = pytest.mark.only("postgresql")

ON_STANDBY = select(text("pg_is_in_recovery()"))
notes = table("notes", column("id"))


def wait_for(there, moment):
    """Wait until a replica has everything that was committed before this moment."""
    until(lambda: there.choose(moment) is not None)


@pytest.fixture(scope="module")
def nodes():
    with primary_and_standby() as (primary, standby):
        primary.sql("CREATE TABLE notes (id int)")
        yield primary, standby


@pytest.fixture
def watched(nodes, settings):
    """Return a function that watches these servers as replicas."""
    primary, standby = nodes
    settings(DATABASE_URL=primary.url)
    stacks = []

    def watch(*urls):
        there = Replicas([SecretStr(url) for url in urls or [standby.url]])
        stacks.append(there.watched())
        stacks[-1].__enter__()
        return there

    yield watch
    for stack in stacks:
        stack.__exit__(None, None, None)


@pytest.fixture
def there(watched):
    """The set of replicas, in which the up-to-date standby is the only replica."""
    there = watched()
    wait_for(there, time.monotonic())
    return there


@pytest.fixture
def session(there):
    """Return a function that opens a session like that of a request that only reads."""
    from app.db.database import RoutedSession
    from app.db.reading import ReadSession

    engine = make_engine(get_settings(), pool_size=2, max_overflow=0)
    opened = []

    def open_session():
        own = RoutedSession(engine, info={"reading": True})
        opened.append(own)
        moment = time.monotonic() - LATE_SECONDS
        db = ReadSession(own, lambda: there.choose(moment), lambda one: one.note_failure())
        opened.append(db)
        return db

    yield open_session
    for one in reversed(opened):
        one.close()
    engine.dispose()


def test_a_read_goes_to_the_replica(session):
    assert session().scalar(ON_STANDBY) is True


def test_without_a_replica_it_goes_to_the_primary(session, there):
    there.all[0].note_failure()
    assert session().scalar(ON_STANDBY) is False


def test_a_replica_that_confirms_a_moment_has_its_rows(nodes, there):
    """After each write, the test reads from the replica as soon as the replica confirms
    that it has everything up to that moment.
    """
    primary, standby = nodes
    for _ in range(5):
        primary.sql("INSERT INTO notes VALUES (1)")
        moment = time.monotonic()
        wait_for(there, moment)
        number = "SELECT count(*) FROM notes"
        assert standby.sql(number) == primary.sql(number)


def test_a_replica_that_stops_replaying_is_left_alone(nodes, there, session):
    primary, standby = nodes
    standby.sql("SELECT pg_wal_replay_pause()")
    try:
        primary.sql("INSERT INTO notes VALUES (1)")
        until(lambda: there.all[0].state == "late")
        assert there.choose(time.monotonic() - 60) is None
        assert session().scalar(ON_STANDBY) is False
    finally:
        standby.sql("SELECT pg_wal_replay_resume()")
    until(lambda: there.all[0].state == "ok")
    assert session().scalar(ON_STANDBY) is True


def test_a_dead_replica_fails_no_read(nodes, there, session):
    _, standby = nodes
    db = session()
    assert db.scalar(ON_STANDBY) is True
    standby.stop()
    try:
        assert db.scalar(ON_STANDBY) is False
        until(lambda: there.all[0].state == "unreachable")
        assert session().scalar(ON_STANDBY) is False
    finally:
        standby.start()
    until(lambda: there.all[0].state == "ok")


def test_a_frozen_replica_lets_its_reads_go(nodes, there, session):
    """A read that waits for a frozen replica is repeated on the primary.

    Without the watcher, the read would wait for the time limit of a statement, which is
    4 seconds.
    """
    _, standby = nodes
    db, answers = session(), []
    assert db.scalar(ON_STANDBY) is True
    standby.freeze()
    try:
        thread = threading.Thread(target=lambda: answers.append(db.scalar(ON_STANDBY)))
        thread.start()
        thread.join(30)
        assert answers == [False]
        assert there.choose(time.monotonic() - 60) is None
    finally:
        standby.thaw()
    until(lambda: there.all[0].state == "ok")


def test_a_table_that_the_replica_lacks_is_at_the_primary(nodes, session):
    primary, standby = nodes
    standby.sql("SELECT pg_wal_replay_pause()")
    try:
        primary.sql("CREATE TABLE newest (id int)")
        assert session().scalar(text("SELECT count(*) FROM newest")) == 0
    finally:
        standby.sql("SELECT pg_wal_replay_resume()")


def test_a_mistake_in_a_query_is_not_repeated(session):
    db = session()
    with pytest.raises(DBAPIError, match="division by zero"):
        db.scalar(text("SELECT 1 / 0"))
    assert db.bind.url.port == session().connection().engine.url.port


def test_a_read_session_refuses_to_write(session, nodes):
    from tests.support.widgets import Widget

    db = session()
    db.add(Widget())
    with pytest.raises(RuntimeError, match="db_dependency"):
        db.flush()
    db.expunge_all()
    db = session()
    with pytest.raises(DBAPIError, match="does not exist"):
        db.execute(insert(table("notes", column("missing"))).values(missing=1))


def test_another_cluster_is_never_used(watched, nodes, scratch_url):
    there = watched(scratch_url)
    until(lambda: there.all[0].state == "another cluster")
    assert there.choose(time.monotonic() - 60) is None


def test_a_primary_is_no_replica(watched, nodes):
    primary, _ = nodes
    there = watched(primary.url.replace("127.0.0.1", "localhost"))
    until(lambda: there.all[0].state == "promoted")
    assert there.choose(time.monotonic() - 60) is None


def test_replicas_take_turns_and_may_be_pooled(watched, nodes, tmp_path):
    _, standby = nodes
    with running_pooler(standby.url, tmp_path) as pooled:
        there = watched(standby.url, pooled)
        until(lambda: all(one.state == "ok" for one in there.all))
        moment = time.monotonic() - LATE_SECONDS
        assert {there.choose(moment).name for _ in range(4)} == {one.name for one in there.all}


def test_each_replica_needs_a_connection_of_the_primary(settings):
    before = connections_needed(get_settings())
    settings(
        DATABASE_URL="postgresql://liftoff@db/liftoff",
        DATABASE_REPLICA_URLS="postgresql://liftoff@one/liftoff, postgresql://liftoff@two/liftoff",
    )
    assert connections_needed(get_settings()) == before + 2
