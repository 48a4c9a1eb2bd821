"""A limit on how many callers run at the same time.

All other callers wait on the event loop, where they hold no thread.
"""

import asyncio

from anyio import Semaphore, WouldBlock, fail_after
from anyio.lowlevel import RunVar

from app.core.errors import Unavailable


class Admission:
    """A limit on simultaneous callers: at most `slots` in each event loop.

    A caller that waits longer than `timeout` seconds gets the error `refusal`.
    """

    def __init__(self, slots: int, timeout: float, refusal: type[Unavailable]) -> None:
        self.slots = slots
        self.timeout = timeout
        self.refusal = refusal
        self._semaphores: RunVar[Semaphore] = RunVar(f"admission {id(self)}")
        self._last: tuple[asyncio.AbstractEventLoop, Semaphore] | None = None

    def slot(self) -> "Slot":
        """Return a context in which the caller holds a slot."""
        return Slot(self)

    async def enter(self) -> Semaphore:
        """Take a slot, and return the semaphore that the caller must release.

        A timer is started only if the caller has to wait.
        """
        semaphore = self._semaphore()
        try:
            semaphore.acquire_nowait()
        except WouldBlock:
            await self._wait_for(semaphore)
        return semaphore

    async def _wait_for(self, semaphore: Semaphore) -> None:
        try:
            with fail_after(self.timeout):
                await semaphore.acquire()
        except TimeoutError:
            raise self.refusal(retry_after=1) from None

    def free(self) -> int:
        """Return the number of free slots in the running event loop."""
        return self._semaphore().value

    def usage(self) -> tuple[int, int]:
        """Return how many callers hold a slot, and how many wait for a slot.

        Any thread may call this. The numbers are those of the event loop that was used
        last.
        """
        last = self._last
        if last is None:
            return 0, 0
        return self.slots - last[1].value, last[1].statistics().tasks_waiting

    def _semaphore(self) -> Semaphore:
        """Return the semaphore of the running event loop.

        Each event loop needs its own semaphore. A process usually has one event loop,
        so the semaphore of the previous call is nearly always the right one.
        """
        loop, last = asyncio.get_running_loop(), self._last
        if last is not None and last[0] is loop:
            return last[1]
        try:
            semaphore = self._semaphores.get()
        except LookupError:
            self._semaphores.set(semaphore := Semaphore(self.slots))
        self._last = (loop, semaphore)
        return semaphore


class Slot:
    """A slot in an `Admission`, held while the context is entered."""

    __slots__ = ("_admission", "_semaphore")

    def __init__(self, admission: Admission) -> None:
        self._admission = admission

    async def __aenter__(self) -> None:
        self._semaphore = await self._admission.enter()

    async def __aexit__(self, *_: object) -> None:
        self._semaphore.release()
