"""Is the process alive, and should it get traffic?

Readiness is what the probes found last. The one of the database is also what opens the schema's gate.
"""

import asyncio
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal

from fastapi import APIRouter, Response, status
from sqlalchemy.exc import SQLAlchemyError

from app.core.config import get_settings
from app.core.errors import Unavailable
from app.core.logging import get_logger
from app.core.redis import make_client
from app.core.schemas import Output
from app.db.database import HealthSession
from app.db.migrations import gate

from . import backlog
from .probes import Check, Checks, Probe

if TYPE_CHECKING:
    from redis import Redis

NO_DATABASE: Checks = {"database": "unreachable", "migrations": "unreachable"}
NO_REDIS: Checks = {"redis": "unreachable"}

FOREIGN_HOST: dict[int | str, dict[str, Any]] = {
    400: {
        "description": "The request names a host that is not ours.",
        "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }
}

router = APIRouter(prefix="/health", tags=["health"], responses=FOREIGN_HOST)
log = get_logger(__name__)


class SchemaBehind(Unavailable):
    """The database waits for `make migrate`."""

    code = "database_not_migrated"
    detail = "The database is behind this version of the code. It will serve after the migration."


class Live(Output):
    status: Literal["ok"]


class Ready(Output):
    """`checks` says of each part `ok`, `ahead` (newer code migrated it: a rolling deployment), `behind` or
    `unreachable`. Without Redis everything goes on, only slower. `work` is named when it is `late`: mails or jobs have
    been due for minutes, and the workers need a look. Staging says so under `environment`.
    """

    status: Literal["ok", "unavailable"]
    checks: dict[str, Check]


@router.get("/live")
async def is_live() -> Live:
    """The process answers. Touches neither the database nor a worker thread, so a busy process is not killed."""
    return Live(status="ok")


@router.get("/ready", responses={503: {"model": Ready, "description": "Not now: see `checks`."}})
async def is_ready(response: Response) -> Ready:
    """The process can serve: the database is there and migrated. Answers within a second, whatever hangs."""
    found = await asyncio.gather(*(probe.checks() for probe in probes()))
    checks = {name: check for checks in found for name, check in checks.items()}
    if get_settings().environment == "staging":
        checks["environment"] = "staging"
    fit = checks["database"] == "ok" and checks["migrations"] in ("ok", "ahead")
    response.status_code = status.HTTP_200_OK if fit else status.HTTP_503_SERVICE_UNAVAILABLE
    return Ready(status="ok" if fit else "unavailable", checks=checks)


@lru_cache
def probes() -> tuple[Probe, ...]:
    """What readiness asks. Only the checks of the database decide; the others are reported."""
    settings = get_settings()
    return (database, *([Probe("redis", _redis, NO_REDIS)] if settings.redis_url else []))


def _database() -> Checks:
    try:
        with HealthSession() as db:
            state = gate.check(db)
            # What the workers should have done; requests are served all the same.
            late: Checks = {"work": "late"} if state != "behind" and backlog.is_late(db) else {}
    except SQLAlchemyError as error:
        log.warning("database_unreachable", reason=str(error))
        return NO_DATABASE
    return {"database": "ok", "migrations": "ok" if state == "current" else state, **late}


database = Probe("database", _database, NO_DATABASE)


def _redis() -> Checks:
    from redis import RedisError  # large, and many run without it

    try:
        _redis_client().ping()
    except RedisError:
        return NO_REDIS
    return {"redis": "ok"}


@lru_cache
def _redis_client() -> "Redis":
    url = get_settings().redis_url
    assert url
    return make_client(url.get_secret_value())
