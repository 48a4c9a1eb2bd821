"""Checks that the database server allows as many connections as we may open."""

from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from app.core.config import Settings
from app.core.logging import get_logger

from .database import HEALTH_POOL, SIDE_POOL, WORKER_POOL, SideSession, admission


class TooSmall(RuntimeError):
    """The database server allows fewer connections than our processes may open."""


def check_capacity(settings: Settings) -> None:
    """Raise `TooSmall` if the server allows too few connections for our processes.

    This runs before the first request. If the database is unreachable, the server
    starts nevertheless.
    """
    others = SIDE_POOL + HEALTH_POOL + (WORKER_POOL if settings.embedded_worker else 0)
    needed = settings.web_concurrency * (admission.slots + others)
    try:
        with SideSession() as db:
            allowed = {
                "postgresql": "SELECT current_setting('max_connections')::int"
                " - current_setting('superuser_reserved_connections')::int",
                "mysql": "SELECT @@max_connections",
            }.get(db.get_bind().dialect.name)
            limit = db.scalar(text(allowed)) if allowed else None
    except SQLAlchemyError as error:
        get_logger(__name__).warning("database_unreachable", reason=str(error))
        return
    if limit is not None and needed > limit:
        raise TooSmall(
            f"WEB_CONCURRENCY x (DATABASE_POOL_SIZE + DATABASE_MAX_OVERFLOW + {others}) is "
            f"{needed} connections, but the server allows {limit}. "
            "Lower these settings, or raise max_connections on the server."
        )
