"""All hosts share the database's clock, in statements and in columns. Tests can move
this clock.
"""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from sqlalchemy import insert, select, text, update

from app.core import types
from app.db import clock
from tests.support.clocks import host_ahead
from tests.support.widgets import Widget

SECOND = timedelta(seconds=1)
OFFSETS = [
    timedelta(days=30),
    timedelta(days=-400),
    timedelta(milliseconds=250),
    -SECOND,
    timedelta(microseconds=7),
]


def test_it_shows_the_time_as_an_aware_moment(db):
    assert abs(clock.read_database_time(db) - datetime.now(UTC)) < 60 * SECOND
    assert clock.read_database_time(db).utcoffset() == timedelta()


@pytest.mark.parametrize("offset", OFFSETS, ids=str)
def test_an_offset_is_exact(db, offset):
    now, then = db.execute(select(clock.now(), clock.now(offset))).one()
    assert abs(then - now - offset) < timedelta(milliseconds=1)  # SQLite's clock has milliseconds


def test_it_goes_on_within_a_transaction(db):
    """PostgreSQL's own `now()` stands still within a transaction.

    With `now()`, a request that waited for a lock would see an old time.
    """
    before = clock.read_database_time(db)
    deadline = types.utc_now() + 10 * SECOND
    while clock.read_database_time(db) == before:
        assert types.utc_now() < deadline


def test_it_stands_still_within_a_statement(db):
    assert db.scalar(select(clock.now() == clock.now()))


def test_what_it_writes_compares_with_what_python_writes(db):
    db.add(Widget(name="written"))
    db.flush()
    for ahead, found in ((-SECOND * 60, False), (SECOND * 60, True)):
        before = select(Widget.name).where(Widget.created_at < types.utc_now() + ahead)
        assert (db.scalar(before) == "written") is found
    db.execute(update(Widget).values(created_at=types.utc_now() - SECOND * 60))
    assert db.scalar(select(Widget.name).where(Widget.created_at < clock.now(-59 * SECOND)))
    assert not db.scalar(select(Widget.name).where(Widget.created_at < clock.now(-90 * SECOND)))


@pytest.mark.only("sqlite")
def test_sqlite_keeps_its_form(db):
    """SQLite compares times as text."""
    db.add(Widget(name="short"))
    db.flush()
    kept = db.scalar(text("SELECT created_at FROM widgets"))
    assert len(kept) == len("2026-01-01 00:00:00.000000")
    assert datetime.fromisoformat(kept)


def test_a_travelled_clock_moves_the_database_too(db):
    with time_machine.travel(datetime(2030, 1, 1, 12, tzinfo=UTC), tick=False) as host:
        assert clock.read_database_time(db) == datetime(2030, 1, 1, 12, tzinfo=UTC)
        host.shift(3600)
        assert clock.read_database_time(db) == datetime(2030, 1, 1, 13, tzinfo=UTC)
        db.execute(insert(Widget), [{"name": "one"}, {"name": "two"}])
        assert set(db.scalars(select(Widget.created_at))) == {types.utc_now()}


@pytest.mark.parametrize("minutes", [-5, 5])
def test_a_host_with_a_wrong_clock_moves_nothing(db, minutes):
    with host_ahead(minutes=minutes):
        assert (
            abs(types.utc_now() - clock.read_database_time(db) - timedelta(minutes=minutes))
            < 30 * SECOND
        )
        with time_machine.travel(datetime(2030, 1, 1, 12, tzinfo=UTC), tick=False):
            assert clock.read_database_time(db) == datetime(2030, 1, 1, 12, tzinfo=UTC) - timedelta(
                minutes=minutes
            )
    assert abs(types.utc_now() - clock.read_database_time(db)) < 30 * SECOND


@pytest.mark.only("postgresql")
def test_an_index_answers_a_comparison_with_it(db):
    db.execute(text("SET LOCAL enable_seqscan = off"))
    due = select(text("1")).select_from(text("jobs")).where(text("due_at") <= clock.now(-SECOND))
    compiled = due.compile(db.get_bind(), compile_kwargs={"literal_binds": True})
    assert "Index Cond: (due_at <=" in "\n".join(db.scalars(text(f"EXPLAIN {compiled}")))
