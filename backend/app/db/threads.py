"""The threads that run endpoints and dependencies. The wait for a thread is limited."""

from typing import Any

from anyio import fail_after

# FastAPI passes no limiter to anyio, so anyio's default limiter applies. There is no
# public way to replace this default.
from anyio._backends._asyncio import CapacityLimiter, _default_thread_limiter

from .database import DatabaseBusy


class Threads(CapacityLimiter):
    """A limited number of threads.

    A caller that waits for a thread for more than `patience` seconds gets
    `DatabaseBusy`.
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
    """Let the running event loop use at most this many threads."""
    threads = Threads(count)
    threads.patience = patience
    _default_thread_limiter.set(threads)
