"""Probes. Each probe asks one service for its state, at most once a second, however
many callers there are.

Each probe has its own thread, so probes never compete with requests. Callers wait for a
result, but only until a deadline.
"""

import asyncio
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from threading import Lock
from typing import Literal

from anyio import move_on_after

Check = Literal["ok", "ahead", "behind", "late", "unreachable", "staging"]
Checks = Mapping[str, Check]

EVERY_SECONDS = 1.0
DEADLINE_SECONDS = 0.7  # readiness promises a response within a second


class Probe:
    """A probe of one service.

    `ask` returns the checks by name. `unknown` is the result if `ask` does not return
    in time.
    """

    def __init__(
        self,
        name: str,
        ask: Callable[[], Checks],
        unknown: Checks,
        thread: Executor | None = None,
    ) -> None:
        self._ask = ask
        self._unknown = unknown
        self._thread = thread or ThreadPoolExecutor(1, f"{name} probe")
        self._lock = Lock()
        self._asked_at = 0.0
        self._answer: Future[Checks] | None = None

    async def checks(self, deadline: float = DEADLINE_SECONDS) -> Checks:
        """Return a result that is at most a second old.

        `deadline` is the number of seconds after the service was asked.
        """
        answer, asked_at = self._latest()
        with move_on_after(max(0.0, asked_at + deadline - time.monotonic())):
            # The result is shielded, because other callers still wait for it if this
            # caller disconnects.
            return await asyncio.shield(asyncio.wrap_future(answer))
        return answer.result() if answer.done() else self._unknown

    def forget(self) -> None:
        """Drop the last result, so that the next caller asks again."""
        with self._lock:
            self._answer = None

    def _latest(self) -> tuple[Future[Checks], float]:
        with self._lock:
            at = time.monotonic()
            if self._answer is None or (
                self._answer.done() and at - self._asked_at >= EVERY_SECONDS
            ):
                self._asked_at = at
                self._answer = self._thread.submit(self._ask)
            return self._answer, self._asked_at
