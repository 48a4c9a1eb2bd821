"""Redis under our limits: it holds counters and copies, so no request may wait long for it."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from redis import Redis

WAIT_SECONDS = 0.25  # to connect, and for each answer


def client_options() -> dict[str, Any]:
    """What a client needs so that its calls end. By default redis-py would repeat each three times, with pauses."""
    from redis.backoff import NoBackoff  # large, and many run without it
    from redis.retry import Retry

    return {
        "socket_timeout": WAIT_SECONDS,
        "socket_connect_timeout": WAIT_SECONDS,
        "retry": Retry(NoBackoff(), 0),
    }


def make_client(url: str) -> "Redis":
    from redis import Redis

    return Redis.from_url(url, **client_options())
