"""Buckets that fill up as time goes by (GCRA): a rate, and how many may come at once.

A window would let through twice its amount around its border, and then nothing for the rest of it.
"""

import time
from collections.abc import Callable
from threading import Lock
from typing import Any

ROUNDING = 1e-6  # seconds
MANY = 1_000  # buckets of this process before the full ones among them are forgotten

# All that is kept of a bucket is when it will be full. Redis's own clock counts, which all hosts share.
SCRIPT = """
local now = redis.call('TIME')
now = now[1] + now[2] / 1000000
local each, room = tonumber(ARGV[1]), tonumber(ARGV[2])
local full = math.max(tonumber(redis.call('GET', KEYS[1]) or 0), now) + each
if full - now > room + 0.000001 then return tostring(full - now - room) end
redis.call('SET', KEYS[1], string.format('%.6f', full), 'EX', math.ceil(room) + 1)
return '0'
"""


class Buckets:
    """Those of this process alone."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._full: dict[str, float] = {}
        self._lock = Lock()
        self._clock = clock
        self._many = MANY

    def take(self, key: str, each: float, room: float) -> float:
        """Take one, which is back after `each` seconds; `room` seconds' worth fit in. Seconds to wait, or 0."""
        with self._lock:
            now = self._clock()
            full = max(self._full.get(key, 0.0), now) + each
            if full - now > room + ROUNDING:
                return full - now - room
            self._full[key] = full
            if len(self._full) > self._many:
                self._full = {name: at for name, at in self._full.items() if at > now}
                self._many = max(MANY, 2 * len(self._full))
            return 0.0


def take_shared(redis: Any, key: str, each: float, room: float) -> float:
    """As `Buckets.take`, for every process that counts in this Redis."""
    return float(redis.eval(SCRIPT, 1, f"liftoff:bucket:{key}", each, room))
