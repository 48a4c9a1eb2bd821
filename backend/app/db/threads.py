"""Threads that run endpoints and dependencies: a request waits for one, but not without end (R3)."""

from typing import Any

from anyio import fail_after

# anyio lets nobody choose the limiter of calls that name none, as FastAPI's do, except here.
from anyio._backends._asyncio import CapacityLimiter, _default_thread_limiter

from app.db.database import DatabaseBusy


class Threads(CapacityLimiter):
    """At most so many threads at once. A caller that waits longer than `patience` seconds gets `DatabaseBusy`."""

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
    """Have the running event loop use these threads."""
    threads = Threads(count)
    threads.patience = patience
    _default_thread_limiter.set(threads)
