"""Connections to Redis for rate limits.

Redis only holds counters, so no request may wait long for a response.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from redis import Redis

WAIT_SECONDS = 0.25  # seconds to wait for a connection, and for each response


def client_options() -> dict[str, Any]:
    """Return client options that limit how long a call can take.

    Retries need no option: a client created from a URL does not retry by default.
    """
    return {"socket_timeout": WAIT_SECONDS, "socket_connect_timeout": WAIT_SECONDS}


def make_client(url: str) -> "Redis":
    from redis import Redis  # redis is large, and many deployments run without it

    return Redis.from_url(url, **client_options())
