"""Token buckets (GCRA), which limit both the rate of requests and the size of a burst.

A fixed window would allow a burst of twice the limit where two windows meet, and then
no request until the second window ends.
"""

import time
from collections.abc import Callable
from threading import Lock
from typing import Any

ROUNDING = 1e-6  # seconds
MANY = 1_000  # number of buckets in memory above which full buckets are dropped

# A bucket is stored as the time at which it will be full again. The times come from
# Redis, because all hosts share its clock.
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
    """The token buckets of this process."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._full: dict[str, float] = {}
        self._lock = Lock()
        self._clock = clock
        self._many = MANY

    def __len__(self) -> int:
        """Return how many buckets are stored."""
        return len(self._full)

    def take(self, key: str, each: float, room: float) -> float:
        """Take one token. Return 0, or the seconds to wait if the bucket is empty.

        A token is refilled every `each` seconds. A full bucket has `room / each`
        tokens.
        """
        with self._lock:
            now = self._clock()
            full = max(self._full.get(key, 0.0), now) + each
            if full - now > room + ROUNDING:
                return full - now - room
            self._full[key] = full
            if len(self) > self._many:
                self._full = {name: at for name, at in self._full.items() if at > now}
                self._many = max(MANY, 2 * len(self))
            return 0.0


def take_shared(redis: Any, key: str, each: float, room: float) -> float:
    """Take one token as `Buckets.take` does, from a bucket that all processes share."""
    return float(redis.eval(SCRIPT, 1, f"liftoff:bucket:{key}", each, room))
