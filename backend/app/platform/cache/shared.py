"""Public responses that several processes share, if Redis is configured.

A process that has no valid response searches here before it computes a response. Only
one process computes a response, and all other processes wait for it. A process cannot
withdraw a shared response. So a shared response lives for `SECONDS`, and after a change
of a row on which a response depends, no process uses the shared response until
`watches.HEAT_SECONDS` have passed. By then, every response that was computed before the
change has expired, even if it was stored late.
"""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from functools import lru_cache
from typing import TYPE_CHECKING

from anyio import CapacityLimiter, to_thread
from anyio.lowlevel import RunVar

from app.core.config import get_settings
from app.core.keys import derive_key

from .entries import Header
from .watches import Watch

if TYPE_CHECKING:
    from .regions import Region

SECONDS = 20
# These threads only wait for responses. Other threads compute them, so that waiting
# never blocks a computation.
THREADS = 16

Rendered = tuple[bytes, list[Header], bytes]
"""The body, the headers and the `ETag` of a response."""

_waiting: RunVar[CapacityLimiter] = RunVar("threads that wait for shared responses")


def may_share(watch: Watch) -> bool:
    """Return whether processes may share the responses that depend on this watch."""
    return get_settings().redis_url is not None and time.monotonic() > watch.hot_until


async def get_or_compute(
    key: str, compute: Callable[[], Awaitable[Rendered | None]]
) -> Rendered | None:
    """Return the shared response of a key, or compute and share it.

    If `compute` returns `None`, this function returns `None`, and nothing is shared.
    Raises the errors of `compute`.
    """
    loop = asyncio.get_running_loop()

    def create() -> Rendered | None:
        async def run() -> Rendered | None:
            return await compute()

        return asyncio.run_coroutine_threadsafe(run(), loop).result()

    def ask() -> Rendered | None:
        answer: Rendered | None = open_region().ask(
            lambda region: region.get_or_create(
                key, create, should_cache_fn=lambda made: made is not None
            ),
            create,
        )
        return answer

    return await to_thread.run_sync(ask, limiter=_threads())


def _threads() -> CapacityLimiter:
    try:
        return _waiting.get()
    except LookupError:
        _waiting.set(limiter := CapacityLimiter(THREADS))
        return limiter


@lru_cache
def open_region() -> "Region":
    """Return the region of this process."""
    from .regions import new_region  # imports dogpile.cache and redis, which few processes need

    url = get_settings().redis_url
    assert url
    return new_region(
        f"responses:{derive_key('shared responses').hex()[:16]}",
        url.get_secret_value(),
        seconds=SECONDS,
        serializer=_write,
        deserializer=_read,
    )


def _write(rendered: Rendered) -> bytes:
    body, headers, etag = rendered
    texts = [[name.decode("latin-1"), value.decode("latin-1")] for name, value in headers]
    return json.dumps([texts, etag.decode("latin-1")]).encode() + b"\n" + body


def _read(stored: bytes) -> Rendered:
    head, _, body = stored.partition(b"\n")
    texts, etag = json.loads(head)
    headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in texts]
    return body, headers, etag.encode("latin-1")
