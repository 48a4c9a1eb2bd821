"""Rate limits, counted in Redis if it is configured, otherwise in this process."""

import hmac
import math
import re
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from functools import lru_cache
from threading import Lock
from typing import TYPE_CHECKING, TypeVar

from fastapi import Request

from app.core.config import get_settings
from app.core.errors import AppError, TooManyRequests
from app.core.keys import derive_key
from app.core.logging import get_logger, security_event
from app.core.networks import is_address, limiter_key, site_key
from app.core.redis import client_options

from .buckets import Buckets, take_shared

if TYPE_CHECKING:
    from limits import RateLimitItem
    from limits.strategies import SlidingWindowCounterRateLimiter

PRINCIPAL = re.compile(r"(?:user|session):\d+", re.ASCII)
LOCAL_SECONDS = 5.0  # between two attempts to reach Redis after a failure

Answer = TypeVar("Answer")

_making = Lock()
log = get_logger(__name__)


class Counters:
    """The counters behind the rate limits.

    If Redis fails, requests are not affected. This process then counts on its own until
    Redis responds again.
    """

    def __init__(self, redis_url: str | None, clock: Callable[[], float] = time.monotonic) -> None:
        # These imports are slow, so they happen on the first limited request rather
        # than at startup.
        from limits.storage import MemoryStorage, RedisStorage
        from limits.strategies import SlidingWindowCounterRateLimiter

        self.local = SlidingWindowCounterRateLimiter(MemoryStorage())
        self._local_buckets = Buckets()
        self._shared: SlidingWindowCounterRateLimiter | None = None
        self._shared_errors: tuple[type[Exception], ...] = ()
        self._clock = clock
        # The time on `clock` at which to try Redis again, or 0 while Redis responds.
        self._local_until = 0.0
        self._lock = Lock()
        if redis_url:
            storage = RedisStorage(redis_url, key_prefix="liftoff", **client_options())
            self._redis = storage.storage
            self._shared = SlidingWindowCounterRateLimiter(storage)
            errors = storage.base_exceptions
            self._shared_errors = errors if isinstance(errors, tuple) else (errors,)

    def hit(self, item: "RateLimitItem", *key: str) -> bool:
        """Count one hit. Return false if it exceeds the limit."""
        return self._ask(lambda limiter: limiter.hit(item, *key))

    def test(self, item: "RateLimitItem", *key: str) -> bool:
        """Return whether one more hit would be allowed, without counting it."""
        return self._ask(lambda limiter: limiter.test(item, *key))

    def clear(self, item: "RateLimitItem", *key: str) -> None:
        """Delete the count of this key."""
        self._ask(lambda limiter: limiter.clear(item, *key))

    def seconds_left(self, item: "RateLimitItem", *key: str) -> int:
        """Return the number of seconds until another hit is allowed, at least 1."""
        return max(
            1,
            math.ceil(
                self._ask(lambda limiter: limiter.get_window_stats(item, *key)).reset_time
                - time.time()
            ),
        )

    def take(self, key: str, each: float, room: float) -> float:
        """Take one token from the bucket of this key.

        Return 0, or the seconds to wait.
        """

        def ask(limiter: "SlidingWindowCounterRateLimiter") -> float:
            if limiter is self.local:
                return self._local_buckets.take(key, each, room)
            return take_shared(self._redis, key, each, room)

        return self._ask(ask)

    def _ask(self, question: Callable[["SlidingWindowCounterRateLimiter"], Answer]) -> Answer:
        if self._shared and self._may_ask_redis():
            try:
                answer = question(self._shared)
            except self._shared_errors as error:
                self._local_until = self._clock() + LOCAL_SECONDS
                log.warning("rate_limits_local", reason=str(error))
            else:
                self._local_until = 0.0
                return answer
        return question(self.local)

    def _may_ask_redis(self) -> bool:
        """Return whether this call should use Redis.

        While Redis does not respond, one call every `LOCAL_SECONDS` seconds tries it
        again. No other call waits for Redis.
        """
        if not self._local_until:
            return True
        with self._lock:
            due = self._clock() >= self._local_until
            if due:
                self._local_until = self._clock() + LOCAL_SECONDS
            return due


def limit_counters() -> Counters:
    """Return the counters of this process.

    The lock ensures that simultaneous first requests do not create several counters.
    """
    with _making:
        return made_counters()


@lru_cache
def made_counters() -> Counters:
    url = get_settings().redis_url
    return Counters(url.get_secret_value() if url else None)


@dataclass(frozen=True)
class RateLimit:
    """A rate limit with a separate count for each key, such as a user.

    An example is `RateLimit("exports", "10 per 15 minutes")`. To limit by client
    address, use `AddressLimit`.
    """

    name: str
    rate: str

    @property
    def _item(self) -> "RateLimitItem":
        from limits import parse

        return parse(self.rate)

    def hit(self, *key: str) -> None:
        """Count one hit. Raises `TooManyRequests` if it exceeds the limit."""
        if not self.allows(*key):
            self._refuse(*key)

    def test(self, *key: str) -> None:
        """Raise `TooManyRequests` if one more hit would exceed the limit.

        This does not count a hit.
        """
        if self.spent(*key):
            self._refuse(*key)

    def allows(self, *key: str) -> bool:
        """Count one hit. Return false if it exceeds the limit.

        Use this where the response must not reveal that there is a limit.
        """
        return limit_counters().hit(self._item, self.name, *key)

    def spent(self, *key: str) -> bool:
        """Return whether one more hit would exceed the limit, without counting it."""
        return not limit_counters().test(self._item, self.name, *key)

    def clear(self, *key: str) -> None:
        """Delete the count of this key."""
        limit_counters().clear(self._item, self.name, *key)

    def note(self, *key: str) -> None:
        """Log that this key has reached the limit."""
        note_limit(self.name, *key)

    @contextmanager
    def failures(self, error: type[AppError], *key: str) -> Iterator[None]:
        """Limit failed attempts. Wrap each attempt in this context manager.

        An attempt is refused if too many attempts have failed before. An attempt is
        counted if it raises `error`.
        """
        self.test(*key)
        try:
            yield
        except error:
            # Other attempts may have failed while this attempt ran. This attempt was
            # allowed to run, so its caller gets the result rather than a refusal.
            with suppress(TooManyRequests):
                self.hit(*key)
            raise

    def _refuse(self, *key: str) -> None:
        wait = limit_counters().seconds_left(self._item, self.name, *key)
        self.note(*key)
        raise limit_refusal(self._item.amount, wait)


def limit_refusal(amount: int, wait: int) -> TooManyRequests:
    """Return the 429 error for a limit of `amount`, to retry after `wait` seconds."""
    headers = {
        "Retry-After": wait,
        "RateLimit-Limit": amount,
        "RateLimit-Remaining": 0,
        "RateLimit-Reset": wait,
    }
    return TooManyRequests(headers={name: str(value) for name, value in headers.items()})


def note_limit(name: str, *key: str) -> None:
    """Log that a key has reached a limit."""
    security_event("rate_limited", limit=name, key=[loggable_key_part(part) for part in key])


@dataclass(frozen=True)
class AddressLimit:
    """A rate limit by client address: an IPv4 address, or an IPv6 /64 and its /48.

    One subscriber can use any address in a /64, and one site has up to 65,536 /64
    networks (RFC 6177). A limit per /64 alone would not stop someone who has a /48. As
    a dependency, an instance counts the requests of a route. Its methods take the
    client's address.
    """

    name: str
    rate: str
    raises = (TooManyRequests,)

    def __call__(self, request: Request) -> None:
        self.hit(request.client.host if request.client else "")

    def hit(self, address: str) -> None:
        """Count one hit. Raises `TooManyRequests` if it exceeds the limit."""
        for limit, key in self._both(address):
            limit.hit(key)

    def allows(self, address: str) -> bool:
        """Count one hit. Return false if it exceeds the limit.

        The refusal is logged. The response to the client must not reveal it.
        """
        for limit, key in self._both(address):
            if not limit.allows(key):
                limit.note(key)
                return False
        return True

    def clear(self, address: str) -> None:
        for limit, key in self._both(address):
            limit.clear(key)

    @contextmanager
    def failures(self, error: type[AppError], address: str) -> Iterator[None]:
        """Limit failed attempts from one address, as `RateLimit.failures` does."""
        with ExitStack() as both:
            for limit, key in self._both(address):
                both.enter_context(limit.failures(error, key))
            yield

    def _both(self, address: str) -> Iterator[tuple[RateLimit, str]]:
        """Yield the limit of the site, then the limit of the network.

        A site that is over its limit therefore creates no counts for its 65,536
        networks.
        """
        network, site = limiter_key(address), site_key(address)
        if site != network:
            yield RateLimit(f"{self.name}, one site", self.rate), site
        yield RateLimit(self.name, self.rate), network


def loggable_key_part(part: str) -> str:
    """Return a part of a key in a form that the log may show.

    Addresses and names such as `user:7` stay as they are. Any other text is replaced by
    a digest, because a user may have typed a password into the username field. Equal
    texts have equal digests.
    """
    if PRINCIPAL.fullmatch(part) or is_address(part):
        return part
    return hmac.digest(derive_key("names in logs"), part.encode(), "sha256").hex()[:12]
