"""The limit on how often a user may write.

The limit is `WRITES_PER_MINUTE`. A user may send half of these requests in one burst.
"""

import math

from fastapi import Request

from app.core.config import get_settings
from app.platform.limits import limit_counters, limit_refusal, note_limit
from app.platform.principal import current_viewer

NAME = "writes"


def limit_writes(request: Request) -> None:
    """Count one writing request for its user. Raises `TooManyRequests`.

    Requests without a user are not counted here. Routes that need a limit for them use
    `AddressLimit`.
    """
    rate, user = get_settings().writes_per_minute, current_viewer(request)
    if not rate or user is None:
        return
    each = 60 / rate
    if wait := limit_counters().take(f"{NAME}:{user}", each, each * max(1, rate // 2)):
        note_limit(NAME, user)
        raise limit_refusal(rate, math.ceil(wait))
