"""Named batches process each row once, whatever interrupts the run."""

import io
import sys
import threading
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import select, update

from app.db.batches import AnotherRun, BatchPosition, in_named_batches, run_for_terminal, turns
from app.db.database import SessionLocal, WorkerSession
from tests.support.widgets import Widget

NAME = "test.weigh"


@pytest.fixture(autouse=True)
def _no_time_passes(monkeypatch):
    """Stop the clock, so that every batch is as large as it may be."""
    still = SimpleNamespace(monotonic=lambda: 0.0, sleep=lambda _seconds: None)
    monkeypatch.setattr(turns, "time", still)


@pytest.fixture(autouse=True)
def five(committed):
    with SessionLocal() as db, db.begin():
        db.add_all([Widget(name=f"widget {n}") for n in range(5)])


def weigh(db, keys):
    db.execute(update(Widget).where(Widget.id.in_(keys)).values(weight=Widget.weight + 1))


def weigh_until(number, error):
    calls = []

    def work(db, keys):
        calls.append(len(keys))
        weigh(db, keys)
        if len(calls) == number:
            raise error

    return work


def weights():
    with SessionLocal() as db:
        return list(db.scalars(select(Widget.weight).order_by(Widget.id)))


def places():
    with SessionLocal() as db:
        return [(one.name, one.rows_done) for one in db.scalars(select(BatchPosition))]


def test_a_failed_run_continues_after_its_last_batch():
    with pytest.raises(RuntimeError):
        in_named_batches(WorkerSession, NAME, weigh_until(2, RuntimeError()), Widget, size=2)
    assert (weights(), places()) == ([1, 1, 0, 0, 0], [(NAME, 2)])
    done = in_named_batches(WorkerSession, NAME, weigh, Widget, size=2)
    assert (done.rows, done.batches, done.finished) == (5, 2, True)
    assert (weights(), places()) == ([1] * 5, [])


def test_a_run_after_a_finished_one_begins_again():
    for _ in range(2):
        in_named_batches(WorkerSession, NAME, weigh, Widget, size=2)
    assert weights() == [2] * 5


def test_a_restart_forgets_the_place():
    in_named_batches(WorkerSession, NAME, weigh, Widget, size=2, budget=0)
    assert weights() == [1, 1, 0, 0, 0]
    done = in_named_batches(WorkerSession, NAME, weigh, Widget, size=2, restart=True)
    assert (done.rows, weights()) == (5, [2, 2, 1, 1, 1])


def test_other_names_and_other_rows_are_independent():
    in_named_batches(WorkerSession, NAME, weigh, Widget, size=2, budget=0)
    done = in_named_batches(WorkerSession, "test.other", weigh, Widget, Widget.name > "widget 2")
    assert (done.rows, weights(), places()) == (2, [1, 1, 0, 1, 1], [(NAME, 2)])


@pytest.mark.parametrize("budget", [0, None], ids=["one batch", "all batches"])
def test_of_two_runs_at_once_only_one_goes_on(monkeypatch, budget):
    """The first run pauses after a batch, and the second run continues during the
    pause.

    No row is processed twice. Rows that the second run leaves wait for the next run.
    """
    others: list[Any] = []

    def pause(_seconds):
        if not others:
            others.append(None)
            others.append(
                in_named_batches(WorkerSession, NAME, weigh, Widget, budget=budget, size=2)
            )

    monkeypatch.setattr(turns, "time", SimpleNamespace(monotonic=lambda: 0.0, sleep=pause))
    with pytest.raises(AnotherRun, match=NAME):
        in_named_batches(WorkerSession, NAME, weigh, Widget, size=2)
    assert others[1].rows == (4 if budget == 0 else 5)
    assert weights() == [1, 1, 1, 1, 0 if budget == 0 else 1]


@pytest.mark.only("postgresql", "mysql")
def test_a_locked_row_is_awaited_and_not_skipped():
    with SessionLocal() as db:
        db.execute(update(Widget).where(Widget.name == "widget 1").values(weight=10))
        run = threading.Thread(
            target=in_named_batches, args=(WorkerSession, NAME, weigh, Widget), daemon=True
        )
        run.start()
        run.join(0.3)
        assert run.is_alive()
        db.commit()
    run.join(30)
    assert weights() == [1, 11, 1, 1, 1]


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_a_terminal_shows_a_bar(monkeypatch):
    monkeypatch.setattr(sys, "stderr", screen := Terminal())
    assert run_for_terminal(WorkerSession, NAME, weigh, Widget, size=2).rows == 5
    assert NAME in screen.getvalue()
    assert "100%" in screen.getvalue()


def test_a_file_gets_no_bar(capsys):
    assert run_for_terminal(WorkerSession, NAME, weigh, Widget, size=2).rows == 5
    assert capsys.readouterr() == ("", "")


def test_ctrl_c_says_how_to_continue(capsys):
    with pytest.raises(SystemExit) as ended:
        run_for_terminal(WorkerSession, NAME, weigh_until(2, KeyboardInterrupt()), Widget, size=2)
    assert ended.value.code == 130
    assert f"`{NAME}` was interrupted. Run the same command again" in capsys.readouterr().err
    assert run_for_terminal(WorkerSession, NAME, weigh, Widget, size=2).rows == 5
    assert weights() == [1] * 5


def test_a_command_stops_when_another_one_runs(monkeypatch):
    monkeypatch.setattr(
        "app.db.batches.terminal.in_named_batches", lambda *_, **__: _raise(AnotherRun(NAME))
    )
    with pytest.raises(SystemExit, match=f"Another process is running `{NAME}`"):
        run_for_terminal(WorkerSession, NAME, weigh, Widget)


def _raise(error):
    raise error
