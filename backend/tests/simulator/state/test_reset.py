"""A reset forgets everything or nothing, whatever else happens at that moment."""

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor

import httpx2
import pytest

from simulator.control import Box
from simulator.state import timeline
from simulator.state.actions import timer_action
from simulator.state.store import Store
from tests.simulator.conftest import NOW
from tests.simulator.shop import DAY, Shop
from tests.simulator.webhooks.receiver import receiving
from tests.support import patient

LONG = 200 * DAY


@pytest.fixture
def busy(v1):
    """Three customers who pay every day. Advancing 200 days takes seconds."""
    shop = Shop(v1)
    for _ in range(3):
        shop.subscribe(shop.customer(), shop.price(1000, "day"))
    return shop


def state(simulator):
    return httpx2.get(f"{simulator.url}/_simulator/api/state", timeout=120).json()


def wait_until(true):
    for _ in range(2000):
        if true():
            return
        time.sleep(0.005)
    raise AssertionError("it did not come to pass")


def is_new(simulator):
    found = state(simulator)
    return (found["now"], found["objects"], found["next_due"]) == (NOW, {}, None)


def test_a_reset_waits_for_the_clock_that_advances(simulator, v1, busy):
    with ThreadPoolExecutor() as pool:
        advancing = pool.submit(simulator.control, "clock/advance", seconds=LONG)
        wait_until(lambda: state(simulator)["now"] > NOW)
        reset = pool.submit(simulator.control, "reset")
        assert advancing.result()["now"] == NOW + LONG
        assert reset.result()["now"] == NOW
    assert is_new(simulator)
    assert Shop(v1).customer()


def test_the_button_waits_as_well(simulator, busy):
    with ThreadPoolExecutor() as pool:
        advancing = pool.submit(simulator.control, "clock/advance", seconds=LONG)
        wait_until(lambda: state(simulator)["now"] > NOW)
        pressed = pool.submit(httpx2.post, f"{simulator.url}/_simulator/reset", timeout=120)
        assert advancing.result()["now"] == NOW + LONG
        assert pressed.result().status_code == 303
    assert is_new(simulator)


def test_a_reset_waits_for_a_test_clock(simulator, v1, caplog):
    clock = v1.test_helpers.test_clocks.create({"frozen_time": NOW})
    shop = Shop(v1)
    for _ in range(3):
        shop.subscribe(shop.customer(test_clock=clock.id), shop.price(1000, "day"))
    v1.test_helpers.test_clocks.advance(clock.id, {"frozen_time": NOW + 60 * DAY})
    wait_until(lambda: v1.test_helpers.test_clocks.retrieve(clock.id).frozen_time > NOW)
    simulator.control("reset")
    assert is_new(simulator)
    time.sleep(2 * timeline.TICK_SECONDS)
    assert is_new(simulator)
    assert caplog.records == []


def test_work_queued_behind_a_reset_does_not_touch_the_new_state(monkeypatch):
    """The clock's advance was requested while the old state still existed."""
    monkeypatch.setattr(timeline, "SLICE_SECONDS", 0)
    timer_action("step")(lambda work, identity: work.set_timer("step", identity, work.now + 1))

    async def scenario():
        box = Box(Store(seed="tests", frozen=NOW))
        with box.store.work() as work:
            work.set_timer("step", "on", NOW + 1)
        running = asyncio.create_task(box.timeline.advance(NOW + 100))
        await asyncio.sleep(0)
        reset = asyncio.create_task(box.reset())
        waiting = asyncio.create_task(box.timeline.advance(NOW + 1000))
        moved, _, late = await asyncio.gather(running, reset, waiting)
        return moved, late, box.state()["now"], box.timeline.next_due()

    assert asyncio.run(scenario()) == (True, False, NOW, None)


def test_of_several_at_once_each_is_whole(simulator, busy):
    """Advances and resets run in any order.

    Each advance has either reached its time or reports that it has not. Nothing of an
    old state is left.
    """

    def advance(_):
        return httpx2.post(
            f"{simulator.url}/_simulator/api/clock/advance", json={"seconds": 30 * DAY}, timeout=120
        )

    with ThreadPoolExecutor(8) as pool:
        advances = pool.map(advance, range(6))
        resets = [pool.submit(simulator.control, "reset") for _ in range(2)]
        assert {answer.status_code for answer in advances} <= {200, 409}
        assert [reset.result()["objects"] for reset in resets] == [{}, {}]
    simulator.control("reset")
    assert is_new(simulator)


def test_a_response_arriving_after_a_reset_is_not_recorded(simulator, v1):
    """After a reset with the same seed, the same ids occur again. So the late response
    would be recorded for a different delivery.
    """
    with receiving() as receiver:

        def begin():
            v1.webhook_endpoints.create(
                {"url": receiver.url, "enabled_events": ["customer.created"]}
            )
            return v1.customers.create().id

        receiver.answers.clear()
        before = begin()
        receiver.until(1)
        simulator.control("reset")
        assert begin() == before
        receiver.answers.set()
        simulator.settle()
        found = patient.get(f"{simulator.url}/_simulator/api/deliveries").json()["deliveries"]
        assert [len(delivery["attempts"]) for delivery in found] == [1]
