"""Notifies the other processes of changes immediately, if Redis is configured.

The marks in the database reach every process within a second, so no process depends on
these messages. Redis only lets the other processes know earlier.
"""

import time
from collections.abc import Callable
from functools import lru_cache
from threading import Event
from typing import Any

from app.core.config import get_settings
from app.core.logging import get_logger
from app.core.redis import make_client
from app.db import changes

CHANNEL = "liftoff:changes"
PAUSE_SECONDS = 5.0  # after Redis fails

log = get_logger(__name__)


class Messages:
    """The messages from other processes, for a thread that waits for them."""

    def __init__(self, heard: Callable[[list[str]], None]) -> None:
        self._heard = heard
        self._subscription: Any = None
        self._not_before = 0.0

    def wait(self, seconds: float, stopping: Event) -> None:
        """Wait for one message, for at most `seconds`."""
        if get_settings().redis_url is None:
            stopping.wait(seconds)
            return
        from redis import RedisError  # redis is large, and many deployments run without it

        try:
            listening = self._subscribed()
            message = listening.get_message(timeout=seconds) if listening else None
        except (RedisError, OSError) as error:
            log.warning("cache_messages_lost", reason=str(error))
            self.close()
            self._not_before = time.monotonic() + PAUSE_SECONDS
            return
        if listening is None:
            stopping.wait(seconds)
        elif message and message["type"] == "message":
            sender, _, names = message["data"].decode().partition(" ")
            if sender != changes.process:
                self._heard(names.split(","))

    def _subscribed(self) -> Any:
        url = get_settings().redis_url
        if url is None or time.monotonic() < self._not_before:
            return None
        if self._subscription is None:
            self._subscription = make_client(url.get_secret_value()).pubsub()  # type: ignore[no-untyped-call]
            self._subscription.subscribe(CHANNEL)
        return self._subscription

    def close(self) -> None:
        if self._subscription is not None:
            subscription, self._subscription = self._subscription, None
            subscription.close()


class Announcer:
    """Sends the changes of this process to Redis, and pauses after a failure."""

    def __init__(self, url: str) -> None:
        self._client = make_client(url)
        self._not_before = 0.0

    def tell(self, names: frozenset[str]) -> None:
        from redis import RedisError  # redis is large, and many deployments run without it

        if time.monotonic() < self._not_before:
            return
        try:
            self._client.publish(CHANNEL, f"{changes.process} {','.join(sorted(names))}")
        except RedisError as error:
            self._not_before = time.monotonic() + PAUSE_SECONDS
            log.warning("cache_messages_unsent", reason=str(error))


@lru_cache
def announcer() -> Announcer | None:
    url = get_settings().redis_url
    return Announcer(url.get_secret_value()) if url else None


def _tell(names: frozenset[str]) -> None:
    if sender := announcer():
        sender.tell(names)


changes.listen(_tell)
