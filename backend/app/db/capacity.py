"""Checks that the database server allows as many connections as our processes open."""

from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from app.core.config import Settings
from app.core.logging import get_logger

from .database import HEALTH_POOL, SIDE_POOL, WORKER_POOL, SideSession, admission
from .role_limits import is_pooled


class TooSmall(RuntimeError):
    """The database server allows fewer connections than our processes may open."""


# The server's limit, minus the connections that are reserved for superusers.
ALLOWED = {
    "postgresql": "SELECT current_setting('max_connections')::int"
    " - current_setting('superuser_reserved_connections')::int",
    "mysql": "SELECT @@max_connections",
}


def check_capacity(settings: Settings) -> None:
    """Raise `TooSmall` if the server allows too few connections for our processes.

    The check runs before the first request. If the database is unreachable, there is no
    check, and the application starts.
    """
    needed = connections_needed(settings)
    try:
        with SideSession() as db:
            if is_pooled(db.connection()):
                return  # the pooler opens the server's connections, and has its own limit
            limit = connections_allowed(db)
    except SQLAlchemyError as error:
        get_logger(__name__).warning("database_unreachable", reason=str(error))
        return
    if limit is not None and needed > limit:
        raise TooSmall(
            f"WEB_CONCURRENCY x (DATABASE_POOL_SIZE + DATABASE_MAX_OVERFLOW + {_others(settings)}) "
            f"is {needed} connections, but the server allows {limit}. "
            "Lower these settings, or raise max_connections on the server."
        )


def connections_needed(settings: Settings) -> int:
    """Return how many connections all processes of one application server may open."""
    return settings.web_concurrency * (admission.slots + _others(settings))


def connections_allowed(db: Session) -> int | None:
    """Return how many connections the database server allows, or `None` for a file."""
    question = ALLOWED.get(db.get_bind().dialect.name)
    return db.scalar(text(question)) if question else None


def _others(settings: Settings) -> int:
    """Return how many connections a process may open apart from those for requests."""
    others = SIDE_POOL + HEALTH_POOL + (WORKER_POOL if settings.embedded_worker else 0)
    others += len(settings.database_replica_urls)  # to compare each replica with the primary
    return others + settings.slow_statement_plans  # `watching/plans` opens one more
