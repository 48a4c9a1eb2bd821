"""The passing of simulated time: due timers run one after the other, in order."""

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator

from simulator.state.actions import action_of
from simulator.state.store import Store
from simulator.state.timers import MAIN_CLOCK

logger = logging.getLogger(__name__)

CLOCK = "test_helpers.test_clock"
SLICE_SECONDS = 0.03  # how long timers run before responses and deliveries get a turn
TICK_SECONDS = 0.5  # how late a timer may run while no caller waits for it


class Timeline:
    """Advances one clock at a time. A second caller waits for its turn."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._busy = asyncio.Lock()
        self._woken = asyncio.Event()
        self._ticked = asyncio.Event()
        store.wake = self._woken.set

    async def advance(self, to: int) -> bool:
        """Run everything that is due up to this time, and set the clock to this time.

        Returns whether this was done. If the state is reset while the call waits for
        another clock, the clock of the new state is not advanced.
        """
        done = await self._pass_time(MAIN_CLOCK, to)
        if done:
            self._store.save_clock()
        return done

    @contextlib.asynccontextmanager
    async def standing_still(self) -> AsyncIterator[None]:
        """Wait until no clock is advancing, and let none advance during the block."""
        async with self._busy:
            yield

    async def settle(self) -> None:
        """Wait until no test clock is advancing."""
        while self._store.tables[CLOCK].ids({"status": "advancing"}):
            self._ticked.clear()
            await self._ticked.wait()

    def next_due(self, clock: str = MAIN_CLOCK) -> int | None:
        """Return the time of the next timer."""
        first = self._store.timers.first(clock)
        return first[0] if first else None

    async def keep_ticking(self) -> None:
        """Run timers when they are due, and advance test clocks when a call asks for
        it.
        """
        while True:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._woken.wait(), TICK_SECONDS)
            self._woken.clear()
            try:
                await self._tick()
            except Exception:
                logger.exception("the clock failed to advance; the next tick tries again")
            self._ticked.set()

    async def _tick(self) -> None:
        for clock in self._store.tables[CLOCK].ids({"status": "advancing"}):
            with self._store.work() as work:
                found = work.find(CLOCK, clock)
            if found and await self._pass_time(clock, found["_target"]):
                self._report_ready(clock)
        now = self._store.clock.now()
        if (due := self.next_due()) is not None and due <= now:
            await self._pass_time(MAIN_CLOCK, now)

    async def _pass_time(self, clock: str, to: int) -> bool:
        resets = self._store.resets
        async with self._busy:
            if self._store.resets != resets:
                return False
            with self._store.batch():
                pause = time.monotonic() + SLICE_SECONDS
                while (first := self._store.timers.first(clock)) and first[0] <= to:
                    self._run(clock, *first)
                    if time.monotonic() > pause:
                        await asyncio.sleep(0)
                        pause = time.monotonic() + SLICE_SECONDS
                self._set_clock(clock, to)
        return True

    def _run(self, clock: str, at: int, name: str, object_id: str) -> None:
        self._set_clock(clock, at)
        with self._store.work() as work:
            if clock != MAIN_CLOCK:
                work.use_clock_of({"test_clock": clock})
            work.now = at
            work.clear_timer(name, object_id)
            action_of(name)(work, object_id)

    def _set_clock(self, clock: str, at: int) -> None:
        if clock == MAIN_CLOCK:
            self._store.clock.move_to(at)
            return
        with self._store.work() as work:
            found = work.find(CLOCK, clock)
            if found and at > found["frozen_time"]:
                found["frozen_time"] = at
                work.put(found)

    def _report_ready(self, clock: str) -> None:
        with self._store.work() as work:
            if found := work.find(CLOCK, clock):
                work.use_clock_of({"test_clock": clock})
                found["status"], found["status_details"] = "ready", {}
                work.put(found)
                work.emit("test_helpers.test_clock.ready", found)
