"""Is the process alive, and should it get traffic?"""

from typing import Literal

from fastapi import APIRouter, Response, status
from sqlalchemy.exc import SQLAlchemyError

from app.core.config import get_settings
from app.core.errors import Unavailable
from app.core.logging import get_logger
from app.core.schemas import Output
from app.db.database import SideSession
from app.db.migrations import gate

Check = Literal["ok", "ahead", "behind", "unreachable", "staging"]
REDIS_SECONDS = 0.5

router = APIRouter(prefix="/health", tags=["health"])
log = get_logger(__name__)


class SchemaBehind(Unavailable):
    """The database waits for `make migrate`."""

    code = "database_not_migrated"
    detail = "The database is behind this version of the code. It will serve after the migration."


class Live(Output):
    status: Literal["ok"]


class Ready(Output):
    """`checks` says of each part `ok`, `ahead` (newer code migrated it: a rolling deployment), `behind` or
    `unreachable`. Without Redis everything goes on, only slower. Staging says so under `environment`.
    """

    status: Literal["ok", "unavailable"]
    checks: dict[str, Check]


@router.get("/live")
async def is_live() -> Live:
    """The process answers. Touches neither the database nor a worker thread, so a busy process is not killed."""
    return Live(status="ok")


@router.get("/ready", responses={503: {"model": Ready, "description": "Not now: see `checks`."}})
def is_ready(response: Response) -> Ready:
    """The process can serve: the database is there and migrated."""
    checks: dict[str, Check] = {"database": "ok", "migrations": "ok"}
    try:
        # From the side pool: readiness must be told also while requests hold every connection.
        with SideSession() as db:
            state = gate.check(db)
            checks["migrations"] = "ok" if state == "current" else state
    except SQLAlchemyError as error:
        log.warning("database_unreachable", reason=str(error))
        checks = {"database": "unreachable", "migrations": "unreachable"}
    if get_settings().environment == "staging":
        checks["environment"] = "staging"
    if url := get_settings().redis_url:
        checks["redis"] = _redis(url.get_secret_value())
    fit = checks["database"] == "ok" and checks["migrations"] in ("ok", "ahead")
    response.status_code = status.HTTP_200_OK if fit else status.HTTP_503_SERVICE_UNAVAILABLE
    return Ready(status="ok" if fit else "unavailable", checks=checks)


def _redis(url: str) -> Check:
    from redis import Redis, RedisError  # large, and many run without it

    try:
        with Redis.from_url(url, socket_timeout=REDIS_SECONDS, socket_connect_timeout=REDIS_SECONDS) as redis:
            redis.ping()
    except RedisError:
        return "unreachable"
    return "ok"
