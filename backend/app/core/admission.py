"""Limit on the number of callers that run at the same time.

Other callers wait on the event loop, without a thread.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from anyio import Semaphore, fail_after
from anyio.lowlevel import RunVar

from app.core.errors import Unavailable


class Admission:
    """A limit of `slots` callers at a time in each event loop.

    A caller that waits longer than `timeout` seconds gets `refusal`.
    """

    def __init__(self, slots: int, timeout: float, refusal: type[Unavailable]) -> None:
        self.slots = slots
        self.timeout = timeout
        self.refusal = refusal
        self._semaphores: RunVar[Semaphore] = RunVar(f"admission {id(self)}")

    @asynccontextmanager
    async def slot(self) -> AsyncIterator[None]:
        semaphore = self._semaphore()
        try:
            with fail_after(self.timeout):
                await semaphore.acquire()
        except TimeoutError:
            raise self.refusal(retry_after=1) from None
        try:
            yield
        finally:
            semaphore.release()

    def free(self) -> int:
        """Return the number of free slots in the running event loop."""
        return self._semaphore().value

    def _semaphore(self) -> Semaphore:
        """Return the semaphore of the running event loop.

        Each event loop needs its own semaphore.
        """
        try:
            return self._semaphores.get()
        except LookupError:
            self._semaphores.set(semaphore := Semaphore(self.slots))
            return semaphore
