"""Health checks: whether the process is alive, and whether it can serve requests.

Readiness returns the latest results of the probes. The database probe also opens the
schema gate. Until the gate is open, requests are refused.
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
from app.db import documents
from app.db.database import HealthSession
from app.db.migrations import gate
from app.platform.handover.broker import BrokerUnavailable, broker

from . import backlog
from .probes import DEADLINE_SECONDS, Check, Checks, Probe

if TYPE_CHECKING:
    from redis import Redis

NO_DATABASE: Checks = {"database": "unreachable", "migrations": "unreachable"}
NO_REDIS: Checks = {"redis": "unreachable"}
NO_BROKER: Checks = {"broker": "unreachable"}
NO_DOCUMENTS: Checks = {"documents": "unreachable"}

FOREIGN_HOST: dict[int | str, dict[str, Any]] = {
    400: {
        "description": "The request is addressed to a host name that this API does not serve.",
        "content": {
            "application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}
        },
    }
}

router = APIRouter(prefix="/health", tags=["health"], responses=FOREIGN_HOST)
log = get_logger(__name__)


class SchemaBehind(Unavailable):
    """The database schema is older than the code. Run `make migrate`."""

    code = "database_not_migrated"
    detail = (
        "The database schema is older than this version of the code. Try again after the migration."
    )


class Live(Output):
    status: Literal["ok"]


ALIVE = Live(status="ok").model_dump_json().encode()


class Ready(Output):
    """The state of each service, in `checks`.

    A service is `ok`, `behind` or `unreachable`. The database is `ahead` if newer code
    has migrated it, which happens during a rolling deployment. Without Redis,
    everything still works, but more slowly. Without the broker, workers find jobs and
    emails a little later. Without the database of documents, routes that need it
    respond with 503. `work` is `late` if emails or jobs are overdue, and missing
    otherwise. If it is `late`, an operator should check the workers. In staging,
    `environment` is `staging`.
    """

    status: Literal["ok", "unavailable"]
    checks: dict[str, Check]


@router.get("/live", response_model=Live)
async def is_live() -> Response:
    """Report that the process is alive.

    This uses neither the database nor a thread. So a process that is only busy still
    responds, and is not killed.
    """
    return Response(ALIVE, media_type="application/json")


@router.get(
    "/ready",
    responses={
        503: {
            "model": Ready,
            "description": "The process cannot serve requests. `checks` says why.",
        }
    },
)
async def is_ready(response: Response) -> Ready:
    """Report whether the process can serve requests.

    The process can serve requests if the database is reachable and migrated. The
    response takes at most a second, even if a service does not respond.
    """
    found = await asyncio.gather(*(probe.checks() for probe in probes()))
    checks = {name: check for checks in found for name, check in checks.items()}
    if get_settings().environment == "staging":
        checks["environment"] = "staging"
    fit = checks["database"] == "ok" and checks["migrations"] in ("ok", "ahead")
    response.status_code = status.HTTP_200_OK if fit else status.HTTP_503_SERVICE_UNAVAILABLE
    return Ready(status="ok" if fit else "unavailable", checks=checks)


@lru_cache
def probes() -> tuple[Probe, ...]:
    """Return the probes behind the readiness check.

    Only the checks of the database decide whether the process is ready. All other
    checks are for information.
    """
    settings = get_settings()
    found = [database]
    if settings.redis_url:
        found.append(Probe("redis", _redis, NO_REDIS))
    if settings.celery_broker_url:
        found.append(Probe("broker", _broker, NO_BROKER))
    if settings.mongodb_url:
        found.append(Probe("documents", _documents, NO_DOCUMENTS))
    return tuple(found)


def _database() -> Checks:
    try:
        with HealthSession() as db:
            state = gate.check(db)
            # Late work is reported, but does not make the process unready.
            late: Checks = {"work": "late"} if state != "behind" and backlog.is_late(db) else {}
    except SQLAlchemyError as error:
        log.warning("database_unreachable", reason=str(error))
        return NO_DATABASE
    return {"database": "ok", "migrations": "ok" if state == "current" else state, **late}


database = Probe("database", _database, NO_DATABASE)


def _redis() -> Checks:
    from redis import RedisError  # redis is large, and many deployments run without it

    try:
        _redis_client().ping()
    except RedisError:
        return NO_REDIS
    return {"redis": "ok"}


def _broker() -> Checks:
    try:
        broker().waiting()
    except BrokerUnavailable:
        return NO_BROKER
    return {"broker": "ok"}


def _documents() -> Checks:
    from pymongo.errors import PyMongoError  # pymongo is large, and most deployments run without it

    try:
        documents.ping(DEADLINE_SECONDS)
    except PyMongoError:
        return NO_DOCUMENTS
    return {"documents": "ok"}


@lru_cache
def _redis_client() -> "Redis":
    url = get_settings().redis_url
    assert url
    return make_client(url.get_secret_value())
