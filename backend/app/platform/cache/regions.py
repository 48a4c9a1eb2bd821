"""Regions of dogpile.cache: in Redis if it is configured, otherwise in this process.

dogpile.cache lets one caller compute a missing value, while other callers wait for the
value. The lock is in Redis for all processes, or in memory for the threads of one
process. A region in memory is bounded, and removes the least recently used values
first.
"""

import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from threading import Lock
from typing import TYPE_CHECKING, Any, TypeVar

from dogpile.cache import make_region, register_backend
from dogpile.cache.api import NO_VALUE, CacheBackend
from dogpile.cache.backends.redis import RedisBackend
from redis import RedisError

from app.core.logging import get_logger
from app.core.redis import client_options

if TYPE_CHECKING:
    from dogpile.cache import CacheRegion

MOST = 1_000
MOST_BYTES = 16_000_000
LOCK_SECONDS = 10  # after this time, the lock of a killed process expires
LOCK_SLEEP = 0.02
PAUSE_SECONDS = 5.0  # after Redis fails

Answer = TypeVar("Answer")
log = get_logger(__name__)


class BoundedMemory(CacheBackend):
    """A backend of dogpile.cache that stores values in this process's memory."""

    def __init__(self, arguments: Mapping[str, Any]) -> None:
        del arguments
        self._values: OrderedDict[str, bytes] = OrderedDict()
        self._bytes = 0
        self._lock = Lock()

    def __len__(self) -> int:
        return len(self._values)

    def get_serialized(self, key: str) -> Any:
        with self._lock:
            if key not in self._values:
                return NO_VALUE
            self._values.move_to_end(key)
            return self._values[key]

    def set_serialized(self, key: str, value: bytes) -> None:
        with self._lock:
            self._drop(key)
            self._values[key] = value
            self._bytes += len(value)
            while len(self._values) > MOST or self._bytes > MOST_BYTES:
                self._drop(next(iter(self._values)))

    def delete(self, key: str) -> None:
        with self._lock:
            self._drop(key)

    def _drop(self, key: str) -> None:
        self._bytes -= len(self._values.pop(key, b""))


class Redis(RedisBackend):
    """dogpile.cache's backend for Redis, without a call that redis-py deprecated."""

    def set_serialized(self, key: str, value: bytes) -> None:
        self.writer_client.set(key, value, ex=self.redis_expiration_time)


register_backend("liftoff.redis", __name__, "Redis")  # type: ignore[no-untyped-call]
register_backend("liftoff.memory", __name__, "BoundedMemory")  # type: ignore[no-untyped-call]


class Region:
    """A region of dogpile.cache. Callers work without it if Redis does not respond."""

    def __init__(
        self,
        region: "CacheRegion",
        redis_url: str | None,
        *,
        name: str,
        seconds: int,
    ) -> None:
        self._region = region
        self._not_before = 0.0
        if redis_url is None:
            region.configure("liftoff.memory")
            return
        options = {"connection_kwargs": client_options(), "redis_expiration_time": seconds}
        locks = {"distributed_lock": True, "lock_timeout": LOCK_SECONDS, "lock_sleep": LOCK_SLEEP}
        arguments = {"url": redis_url, "thread_local_lock": False, **options, **locks}
        region.configure("liftoff.redis", arguments=arguments)
        region.key_mangler = lambda key: f"liftoff:{name}:{key}"

    def ask(
        self, question: Callable[["CacheRegion"], Answer], otherwise: Callable[[], Answer]
    ) -> Answer:
        """Return the result of `question`, or of `otherwise` if Redis is down."""
        if time.monotonic() < self._not_before:
            return otherwise()
        try:
            return question(self._region)
        except RedisError as error:
            self._not_before = time.monotonic() + PAUSE_SECONDS
            log.warning("cache_unreachable", reason=str(error))
            return otherwise()


def new_region(
    name: str,
    redis_url: str | None,
    *,
    seconds: int,
    serializer: Callable[[Any], bytes],
    deserializer: Callable[[bytes], Any],
) -> Region:
    """Return a region. In Redis, it keeps a value for at most `seconds`."""
    region = make_region(serializer=serializer, deserializer=deserializer)
    return Region(region, redis_url, name=name, seconds=seconds)
