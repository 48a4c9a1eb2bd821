"""Several migrators take turns, and a migration never waits for a table forever.

first    take the lock, migrate ........ commit, release
second              wait for the lock ........ take it, find nothing to do
"""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest
from sqlalchemy import create_engine, inspect, select, text

from app.db.migrations import known_revisions
from app.db.urls import normalise_database_url
from tests.db.alembic_runs import alembic, counts, done, tables

LOCK_NUMBER = 4_202_611  # the number of the lock in alembic/env.py
LOCK = "CONCAT('liftoff migrations ', LEFT(DATABASE(), 40))"


def test_four_simultaneous_migrators_succeed_and_one_works(scratch_url, scratch):
    with ThreadPoolExecutor(4) as threads:
        results = list(threads.map(lambda _: alembic(scratch_url, "upgrade", "head"), range(4)))
    assert [result.returncode for result in results] == [0] * 4, [
        result.stderr[-500:] for result in results
    ]
    with scratch.connect() as connection:
        assert connection.scalars(text("SELECT version_num FROM alembic_version")).all() == [
            known_revisions()[0]
        ]


@pytest.mark.only("postgresql", "mysql")
def test_a_migrator_waits_for_the_one_before_it(scratch_url, scratch, kind):
    finished = threading.Event()
    waiting = {
        # While the migrator waits between two attempts, its last statement is the one
        # that ended the previous attempt.
        "postgresql": "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
        " AND application_name = 'liftoff migrations' AND query = 'COMMIT'",
        "mysql": "SELECT count(*) FROM information_schema.processlist WHERE info LIKE 'SELECT "
        "GET_LOCK%'",
    }
    first = {
        "postgresql": f"SELECT pg_advisory_lock({LOCK_NUMBER})",
        "mysql": f"SELECT GET_LOCK({LOCK}, 60)",
    }
    with (
        scratch.connect() as holder,
        scratch.connect() as observer,
        ThreadPoolExecutor(1) as thread,
    ):
        holder.execute(text(first[kind]))
        second = thread.submit(alembic, scratch_url, "upgrade", "head")
        second.add_done_callback(lambda _: finished.set())
        while not observer.scalar(text(waiting[kind])):
            assert not finished.wait(0.05), second.result()
        assert inspect(observer).get_table_names() == []
        holder.invalidate()  # as if the lock's holder died, which releases the lock
        assert second.result().returncode == 0


@pytest.mark.only("mysql")
def test_the_migrator_of_another_database_is_not_waited_for(scratch_url, scratch):
    """On MySQL, a named lock is visible in all databases of the server."""
    with scratch.connect() as holder:
        holder.execute(text("USE information_schema"))
        holder.execute(text(f"SELECT GET_LOCK({LOCK}, 60)"))
        began = time.monotonic()
        assert alembic(scratch_url, "upgrade", "head").returncode == 0
        assert time.monotonic() - began < 55


@pytest.mark.slow
@pytest.mark.only("mysql")
def test_a_migrator_waits_longer_than_any_request_may_take(scratch_url, scratch):
    with scratch.connect() as holder, ThreadPoolExecutor(1) as thread:
        holder.execute(text(f"SELECT GET_LOCK({LOCK}, 60)"))
        second = thread.submit(alembic, scratch_url, "upgrade", "head")
        holder.execute(text("SELECT SLEEP(18)"))
        holder.execute(text(f"SELECT RELEASE_LOCK({LOCK})"))
        assert second.result().returncode == 0, second.result().stderr[-500:]


@pytest.mark.long
@pytest.mark.only("postgresql", "mysql")
def test_a_migrator_that_waited_in_vain_says_so(scratch_url, scratch, kind):
    first = {
        "postgresql": f"SELECT pg_advisory_lock({LOCK_NUMBER})",
        "mysql": f"SELECT GET_LOCK({LOCK}, 60)",
    }
    with scratch.connect() as holder:
        holder.execute(text(first[kind]))
        result = alembic(scratch_url, "upgrade", "head")
    assert result.returncode != 0
    assert "Another migration is still running." in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.only("postgresql", "mysql")
def test_a_migration_of_a_table_in_use_fails_soon(scratch_url, scratch):
    done(scratch_url, "upgrade", "head")
    reader = create_engine(normalise_database_url(scratch_url))
    with reader.connect() as connection:
        before = counts(scratch)
        for table in tables(scratch):  # the tables that the newest revision changes are among these
            connection.execute(select(table))
        started = datetime.now(UTC)
        result = alembic(scratch_url, "downgrade", "-1")
        assert result.returncode != 0
        assert "timeout" in result.stderr.lower()
        assert (
            datetime.now(UTC) - started
        ).total_seconds() < 20  # on a busy machine, the start takes most of this time
    reader.dispose()
    assert counts(scratch) == before
    done(scratch_url, "downgrade", "-1")
