"""A message that arrives at a desk whose places are all taken is not lost."""

from threading import Event, Thread

import pytest
from sqlalchemy.exc import OperationalError

from app.platform.jobs import desks
from app.platform.jobs.desks import Desk
from app.platform.jobs.worker_threads import Crew
from app.platform.queues.wakes import Bell
from tests.support.smtp import wait_until


class Work:
    """Rows that wait to be processed. Processing a row lasts until the test releases
    the row.
    """

    def __init__(self, rows=0):
        self.rows = rows
        self.going_on = Event()
        self.going_on.set()
        self.looks = self.at_once = self.most = 0

    def __call__(self):
        self.looks += 1
        if not self.rows:
            return False
        self.rows -= 1
        self.at_once += 1
        self.most = max(self.most, self.at_once)
        assert self.going_on.wait(60)
        self.at_once -= 1
        return True


def desk_for(work, threads=1):
    stopping = Event()
    crew = Crew("test", work, Bell("mail"), threads)
    return Desk(crew, stopping, is_ready=lambda: True), stopping


def looking(desk, number):
    threads = [Thread(target=desk.look, daemon=True) for _ in range(number)]
    for thread in threads:
        thread.start()
    return threads


def test_one_message_is_enough_for_any_number_of_rows():
    work = Work(rows=7)
    desk, _ = desk_for(work)
    assert (desk.look(), work.rows, desk.is_idle()) == (7, 0, True)
    assert (desk.look(), work.looks) == (0, 9)


def test_a_desk_has_no_more_looks_than_places():
    work = Work(rows=8)
    work.going_on.clear()
    desk, _ = desk_for(work, threads=2)
    threads = looking(desk, 6)
    wait_until(lambda: work.at_once == 2 and sum(one.is_alive() for one in threads) == 2)
    work.going_on.set()
    for thread in threads:
        thread.join(60)
    assert (work.most, work.rows) == (2, 0)


def test_a_message_during_the_last_look_makes_it_look_again():
    """The message arrives after the search has found nothing, but before the search has
    ended.

    look               commit, message
    no row is due
                       a row, "look"
    must look again
    """
    done: list[str] = []

    def work():
        if not done:
            done.append("found nothing")
            assert own[0].look() == 0, "no place is free"
            return False
        done.append("looked again")
        return len(done) == 2

    own = [desk_for(work)[0]]
    assert own[0].look() == 1
    assert (done, own[0].is_idle()) == (["found nothing", *["looked again"] * 2], True)


@pytest.mark.parametrize("error", [OperationalError("SELECT", {}, Exception("gone")), ValueError()])
def test_an_error_ends_one_look_and_no_more(error):
    def work():
        raise error

    desk, _ = desk_for(work)
    assert (desk.look(), desk.look(), desk.is_idle()) == (0, 0, True)


def test_stopping_ends_a_look_after_the_row_in_hand():
    work = Work(rows=5)
    work.going_on.clear()
    desk, stopping = desk_for(work)
    (thread,) = looking(desk, 1)
    wait_until(lambda: work.at_once)
    stopping.set()
    work.going_on.set()
    thread.join(60)
    assert (work.rows, desk.is_idle()) == (4, True)


def test_a_look_that_takes_too_long_counts_as_stuck(monkeypatch):
    work = Work(rows=1)
    work.going_on.clear()
    desk, _ = desk_for(work)
    (thread,) = looking(desk, 1)
    wait_until(lambda: work.at_once)
    assert not desk.is_stuck()
    monkeypatch.setattr(desks, "STUCK_SECONDS", -1)
    assert desk.is_stuck()
    work.going_on.set()
    thread.join(60)
    assert not desk.is_stuck()
