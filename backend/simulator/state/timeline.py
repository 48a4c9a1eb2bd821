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
SLICE_SECONDS = 0.03  # of work, before responses and deliveries have their turn
TICK_SECONDS = 0.5  # how late a timer may run if nobody waits for it


class Timeline:
    """Advance one clock at a time. A second caller waits for its turn."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._busy = asyncio.Lock()
        self._woken = asyncio.Event()
        self._ticked = asyncio.Event()
        store.wake = self._woken.set

    async def advance(self, to: int) -> bool:
        """Do everything that is due up to this time, then set the clock to it.

        Returns whether that was done. A request for a state that has been forgotten in
        the meantime is not applied to the next state.
        """
        done = await self._pass_time(MAIN_CLOCK, to)
        if done:
            self._store.save_clock()
        return done

    @contextlib.asynccontextmanager
    async def standing_still(self) -> AsyncIterator[None]:
        """Let no clock advance inside the block. One that does is waited for."""
        async with self._busy:
            yield

    async def settle(self) -> None:
        """Wait until no test clock advances any more."""
        while self._store.tables[CLOCK].ids({"status": "advancing"}):
            self._ticked.clear()
            await self._ticked.wait()

    def next_due(self, clock: str = MAIN_CLOCK) -> int | None:
        """Return when something will happen next."""
        first = self._store.timers.first(clock)
        return first[0] if first else None

    async def keep_ticking(self) -> None:
        """Run what becomes due as real time passes, and what test clocks are told."""
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
