"""The limit on unsafe requests of one user.

It is `WRITES_PER_MINUTE`, half of which may come at once.
"""

import math

from fastapi import Request

from app.core.config import get_settings
from app.platform.principal import viewer

from .limits import counters, note_limit, refusal

NAME = "writes"


def limit_writes(request: Request) -> None:
    """Count one unsafe request for its user. Raises `TooManyRequests`.

    Callers without an account are limited by address, on the routes that need it.
    """
    rate, user = get_settings().writes_per_minute, viewer(request)
    if not rate or user is None:
        return
    each = 60 / rate
    if wait := counters().take(f"{NAME}:{user}", each, each * max(1, rate // 2)):
        note_limit(NAME, user)
        raise refusal(rate, math.ceil(wait))
