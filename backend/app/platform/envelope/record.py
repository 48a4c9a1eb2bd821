"""The access log and the metrics of each request."""

import logging
from typing import Any

from starlette.types import Scope

from app.core.logging import get_logger
from app.platform.monitoring import metrics
from app.platform.monitoring.work import RequestTally

NAME = "app.access"

access = get_logger(NAME)
_enabled = logging.getLogger(NAME).isEnabledFor


def record(
    scope: Scope, status: int, seconds: float, tally: RequestTally, *, is_probe: bool
) -> None:
    """Count and log one request.

    The query string is not logged, because it may contain tokens. Health checks are
    logged only at the level `debug`.
    """
    method, route = metrics.labels_of(scope)
    metrics.count_request(method, route, status, seconds)
    tally.observe(method, route)
    level = logging.DEBUG if is_probe else logging.INFO
    if _enabled(level):  # checked here, because a call of the logger takes longer
        client = scope["client"][0] if scope.get("client") else None
        facts: dict[str, Any] = {"method": scope["method"], "path": scope["path"]}
        facts |= {"status": status, "milliseconds": round(seconds * 1000, 1), "client": client}
        facts["statements"] = tally.statements
        facts["database_milliseconds"] = round(tally.seconds * 1000, 1)
        access.log(level, "request", **facts)
