"""Many rows are processed in batches, and each batch is committed before the next one
begins.
"""

import threading
from types import SimpleNamespace

import pytest
from sqlalchemy import delete, func, select, update
from sqlalchemy.exc import IntegrityError

from app.db import batches
from app.db.batches import delete_in_batches, in_batches, read_in_batches, turns, write_in_chunks
from app.db.database import SessionLocal, WorkerSession
from tests.support.widgets import Widget


@pytest.fixture
def widgets(committed):
    def make(number, **columns):
        with SessionLocal() as db, db.begin():
            db.add_all([Widget(name=f"widget {n}", **columns) for n in range(number)])

    return make


@pytest.fixture(autouse=True)
def _no_time_passes(monkeypatch):
    """Stop the clock, so that every batch is as large as it may be.

    The size of a batch depends on how long the previous batch took.
    """
    monkeypatch.setattr(
        turns, "time", SimpleNamespace(monotonic=lambda: 0.0, sleep=lambda _seconds: None)
    )


def left():
    with SessionLocal() as db:
        return db.scalar(select(func.count(Widget.id)))


def test_all_that_fit_are_deleted_and_no_other(widgets):
    widgets(7)
    done = delete_in_batches(
        WorkerSession, Widget, Widget.name != "widget 3", by=Widget.name, size=2, budget=None
    )
    assert (done.rows, done.batches, done.finished, left()) == (6, 3, True, 1)


def test_a_batch_stands_though_the_next_one_fails(widgets):
    widgets(5)
    delete, calls = batches.batch_deletion(Widget), []

    def work(db, keys):
        calls.append(len(keys))
        delete(db, keys)
        if len(calls) == 2:
            raise RuntimeError

    with pytest.raises(RuntimeError):
        in_batches(WorkerSession, work, Widget, size=2, budget=None)
    assert (calls, left()) == ([2, 2], 3)


def test_a_run_ends_with_its_budget_and_the_next_one_goes_on(widgets):
    widgets(5)
    first = delete_in_batches(WorkerSession, Widget, size=2, budget=0)
    assert (first.rows, first.finished, left()) == (2, False, 3)
    assert delete_in_batches(WorkerSession, Widget, size=2, budget=None).finished
    assert left() == 0


def test_a_run_goes_on_behind_the_last_row_of_another(widgets):
    """A run continues after the previous run's last row, even if the work has not
    changed the rows.
    """
    widgets(5)
    seen: list[int] = []
    done = batches.Progress()
    runs = 0
    while not done.finished:
        done = in_batches(
            WorkerSession,
            lambda _db, keys: seen.extend(keys),
            Widget,
            after=done.last,
            size=2,
            budget=0,
        )
        runs += 1
    assert (len(seen), len(set(seen)), runs) == (5, 5, 3)


def test_a_batch_that_took_long_is_followed_by_a_smaller_one(widgets, monkeypatch):
    widgets(30)
    sizes = []
    ticks = iter(range(1_000))
    every_second = SimpleNamespace(monotonic=lambda: next(ticks), sleep=lambda _seconds: None)
    monkeypatch.setattr(turns, "time", every_second)  # every batch seems to take a second
    in_batches(
        WorkerSession, lambda _db, keys: sizes.append(len(keys)), Widget, size=16, budget=None
    )
    assert sizes == [16, 8, 4, 2]


@pytest.mark.only("postgresql", "mysql")
def test_a_row_that_somebody_else_has_locked_is_left_out(widgets):
    widgets(3)
    with SessionLocal() as db, db.begin():
        locked = db.scalars(select(Widget.id).order_by(Widget.id).limit(1).with_for_update()).one()
        done = delete_in_batches(WorkerSession, Widget, size=10)
    assert (done.rows, left()) == (2, 1)
    with SessionLocal() as db:
        assert db.get(Widget, locked) is not None


def test_others_write_between_two_batches(widgets):
    """Other sessions can write even on a database with one writer, where they wait
    until the batch is committed.
    """
    widgets(4)
    wrote = []

    def write():
        with SessionLocal() as db, db.begin():
            wrote.append(db.execute(update(Widget).values(weight=1)))

    delete = batches.batch_deletion(Widget)
    other = threading.Thread(target=write)

    def pause(_seconds):
        if not wrote:
            other.start()
            other.join(60)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(turns, "time", SimpleNamespace(monotonic=lambda: 0.0, sleep=pause))
        in_batches(WorkerSession, delete, Widget, size=1)
    assert (len(wrote), left()) == (1, 0)


def test_rows_are_read_in_the_order_of_their_keys(widgets):
    widgets(5)
    read = [[row.name for row in some] for some in read_in_batches(SessionLocal, Widget, size=2)]
    assert read == [["widget 0", "widget 1"], ["widget 2", "widget 3"], ["widget 4"]]
    assert list(read_in_batches(SessionLocal, Widget, Widget.name == "none")) == []


def names():
    with SessionLocal() as db:
        return list(db.scalars(select(Widget.name).order_by(Widget.id)))


def lines(number, read=None):
    for n in range(number):
        if read is not None:
            read.append(n)
        yield {"name": f"line {n}"}


def test_rows_are_written_in_chunks(committed):
    done = write_in_chunks(WorkerSession, Widget, lines(5), size=2)
    assert (done.rows, done.batches, done.finished) == (5, 3, True)
    assert names() == [f"line {n}" for n in range(5)]


def test_a_failed_chunk_says_how_many_rows_are_stored(widgets):
    """The rows after the failed chunk are not even read. A second call continues."""
    with SessionLocal() as db, db.begin():
        db.add(Widget(name="line 3"))
    read: list[int] = []
    with pytest.raises(IntegrityError) as refused:
        write_in_chunks(WorkerSession, Widget, lines(9, read), size=2)
    assert refused.value.__notes__ == ["Rows stored before the error: 2."]
    assert read == [0, 1, 2, 3]
    with SessionLocal() as db, db.begin():
        db.execute(delete(Widget).where(Widget.name == "line 3"))
    done = write_in_chunks(WorkerSession, Widget, lines(9), after=2, size=2)
    assert (done.rows, done.last) == (7, 9)
    assert names() == [f"line {n}" for n in range(9)]
