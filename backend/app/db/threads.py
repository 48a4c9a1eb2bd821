"""Threads that run endpoints and dependencies. A request waits for one, but only for a
limited time (R3).
"""

from typing import Any

from anyio import fail_after

# For calls that do not name a limiter, such as FastAPI's, anyio lets nobody choose one
# except here.
from anyio._backends._asyncio import CapacityLimiter, _default_thread_limiter

from .database import DatabaseBusy


class Threads(CapacityLimiter):
    """A limited number of threads. A caller that waits longer than `patience` seconds
    gets `DatabaseBusy`.
    """

    patience: float

    async def acquire_on_behalf_of(self, borrower: object) -> Any:
        if self.available_tokens >= 1:
            return await super().acquire_on_behalf_of(borrower)
        try:
            with fail_after(self.patience):
                return await super().acquire_on_behalf_of(borrower)
        except TimeoutError:
            raise DatabaseBusy(retry_after=1) from None


def limit_threads(count: int, patience: float) -> None:
    """Let the running event loop use this many threads."""
    threads = Threads(count)
    threads.patience = patience
    _default_thread_limiter.set(threads)
