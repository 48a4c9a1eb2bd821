"""Due timers run in the order of their times, each on its own clock."""

import asyncio
import time

import pytest
import stripe

from simulator.state.actions import timer_action
from simulator.state.clock import Clock
from simulator.state.store import Store
from simulator.state.timeline import Timeline
from tests.simulator.conftest import NOW

DAY = 24 * 3600


@pytest.fixture
def log():
    """A list that gets a pair `(moment, object)` when a timer named `note` runs."""
    entries: list[tuple[int, str]] = []

    @timer_action("note")
    def note(work, identity):
        entries.append((work.now - NOW, identity))
        if identity == "again" and work.now < NOW + 300:
            work.set_timer("note", "again", work.now + 100)
        if identity == "breaks":
            work.set_timer("note", "undone", work.now + 1)
            raise ZeroDivisionError

    return entries


@pytest.fixture
def store():
    return Store(seed="tests", frozen=NOW)


def set_timers(store, *wanted):
    with store.work() as work:
        for identity, seconds in wanted:
            work.set_timer("note", identity, NOW + seconds)


def advance(store, seconds):
    asyncio.run(Timeline(store).advance(NOW + seconds))


def test_timers_run_in_the_order_of_their_moments(store, log):
    set_timers(store, ("late", 250), ("again", 100), ("same", 200), ("beyond", 1000))
    advance(store, 500)
    assert log == [(100, "again"), (200, "same"), (200, "again"), (250, "late"), (300, "again")]
    assert store.clock.now() == NOW + 500
    assert Timeline(store).next_due() == NOW + 1000


def test_a_timer_is_moved_and_cleared(store, log):
    set_timers(store, ("moved", 10), ("moved", 400), ("cleared", 20), ("back", 400), ("back", 30))
    with store.work() as work:
        work.clear_timer("note", "cleared")
        work.clear_timer("note", "never set")
    advance(store, 300)
    assert log == [(30, "back")]
    advance(store, 400)
    assert log == [(30, "back"), (400, "moved")]


def test_a_step_that_fails_is_undone_and_stays_due(store, log):
    set_timers(store, ("first", 10), ("breaks", 20))
    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            advance(store, 100)
    assert log == [(10, "first"), (20, "breaks"), (20, "breaks")]
    assert store.clock.now() == NOW + 20


def test_timers_survive_a_restart(tmp_path, log):
    store = Store(tmp_path / "state.db", frozen=NOW)
    set_timers(store, ("a", 10), ("b", 5))
    store.close()
    again = Store(tmp_path / "state.db")
    advance(again, 100)
    again.close()
    assert log == [(5, "b"), (10, "a")]
    third = Store(tmp_path / "state.db")
    assert third.clock.now() == NOW + 100
    third.close()


def test_the_clock_runs_with_the_real_one_and_never_back():
    clock = Clock()
    assert abs(clock.now() - time.time()) < 5
    clock.move_to(clock.now() + DAY)
    assert abs(clock.now() - time.time() - DAY) < 5
    clock.move_to(0)
    assert clock.now() > time.time()


def test_a_state_that_was_kept_is_not_taken_back_in_time(tmp_path):
    store = Store(tmp_path / "state.db")
    set_timers(store, ("a", 10))
    store.close()
    again = Store(tmp_path / "state.db", frozen=NOW - 1000 * DAY)
    assert again.clock.now() > time.time() - 60
    assert again.clock.frozen == again.clock.now()
    again.close()


def test_what_is_due_happens_while_real_time_passes(log):
    async def live():
        store = Store()
        ticking = asyncio.create_task(Timeline(store).keep_ticking())
        with store.work() as work:
            work.set_timer("note", "soon", work.now)
        for _ in range(1000):
            if log:
                break
            await asyncio.sleep(0.01)
        ticking.cancel()

    asyncio.run(live())
    assert [identity for _, identity in log] == ["soon"]


def test_the_control_api_moves_the_clock_and_lists_what_is_next(simulator, v1):
    v1.customers.create()
    simulator.advance(seconds=DAY)
    assert simulator.control("settle")["now"] == NOW + DAY
    assert simulator.control("settle")["next_due"] == NOW + 31 * DAY  # old events are deleted then
    simulator.advance(to=NOW + 2 * DAY)
    assert v1.customers.create().created == NOW + 2 * DAY
    for wrong in ({"to": NOW}, {"seconds": 0}, {"seconds": 1, "to": NOW}, {}, {"to": NOW * 3}):
        with pytest.raises(AssertionError):
            simulator.advance(**wrong)


def test_events_are_kept_for_thirty_days(simulator, v1):
    first = v1.customers.create()
    simulator.advance(seconds=20 * DAY)
    second = v1.customers.create()
    simulator.advance(seconds=12 * DAY)
    assert [event.data.object["id"] for event in v1.events.list().data] == [second.id]
    assert v1.customers.retrieve(first.id).id == first.id


def test_a_customer_with_a_test_clock_lives_in_its_time(simulator, v1, log):
    clocks = v1.test_helpers.test_clocks
    clock = clocks.create({"frozen_time": NOW - 100 * DAY, "name": "past"})
    assert (clock.status, clock.frozen_time) == ("ready", NOW - 100 * DAY)
    past = v1.customers.create({"test_clock": clock.id})
    assert (past.created, v1.customers.create().created) == (NOW - 100 * DAY, NOW)
    with pytest.raises(stripe.InvalidRequestError):
        clocks.advance(clock.id, {"frozen_time": NOW - 101 * DAY})
    assert clocks.advance(clock.id, {"frozen_time": NOW - 90 * DAY}).status == "advancing"
    simulator.settle()
    arrived = clocks.retrieve(clock.id)
    assert (arrived.status, arrived.frozen_time) == ("ready", NOW - 90 * DAY)
    v1.customers.update(past.id, {"name": "Ada"})
    newest = v1.events.list({"type": "customer.updated"}).data[0]
    assert newest.created == NOW - 90 * DAY
    types = {event.type for event in v1.events.list({"type": "test_helpers.*"}).data}
    assert types == {
        f"test_helpers.test_clock.{what}" for what in ("created", "advancing", "ready")
    }
    assert [found.id for found in v1.customers.list({"test_clock": clock.id}).data] == [past.id]


def test_with_a_test_clock_its_customers_go(v1):
    clock = v1.test_helpers.test_clocks.create({"frozen_time": NOW})
    customer = v1.customers.create({"test_clock": clock.id})
    v1.test_helpers.test_clocks.delete(clock.id)
    assert v1.customers.retrieve(customer.id).to_dict()["deleted"] is True
    assert v1.test_helpers.test_clocks.list().data == []
