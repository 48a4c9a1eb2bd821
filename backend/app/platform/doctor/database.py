"""Checks of the database: connection, schema, clock, number of connections."""

import time

from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from app.core.config import get_settings
from app.core.database_urls import database_host
from app.core.types import utc_now
from app.db import clock
from app.db.capacity import connections_allowed, connections_needed
from app.db.database import SIDE_POOL, WORKER_POOL, SessionLocal
from app.db.engines import Limits, make_engine
from app.db.migrations import known_revisions, state_of
from app.db.replicas import replicas
from app.db.role_limits import is_pooled

from . import SCHEMA, Finding, check, failure, ok, warning
from .running import first_line

VERSIONS = {
    "postgresql": "SELECT 'PostgreSQL ' || current_setting('server_version')",
    "mysql": "SELECT version()",
    "sqlite": "SELECT 'SQLite ' || sqlite_version()",
}
# Access tokens are checked against the host's own clock, with a leeway of 60 seconds.
SKEW_SEEN, SKEW_TOO_LARGE = 5.0, 60.0
BRIEF = Limits(5.0)
PATIENCE_SECONDS = 3.0
MOST_CONNECTIONS = 0.8  # warn above this share of the connections that the server allows


@check("database")
def database() -> Finding:
    place = database_host(get_settings().database_url.get_secret_value())
    try:
        with SessionLocal() as db:
            version = db.scalar(text(VERSIONS[db.get_bind().dialect.name]))
    except SQLAlchemyError as error:
        return failure(
            f"The database at {place} cannot be used: {first_line(error)}",
            "Check DATABASE_URL, and that the server runs and accepts this user and password.",
        )
    return ok(f"{version} at {place}")


@check(SCHEMA, needs="database")
def schema() -> Finding:
    head, _ = known_revisions()
    with SessionLocal() as db:
        state = state_of(db)
    if state == "behind":
        return failure(
            f"The schema is older than this code, which needs the revision {head}.",
            "Run `make migrate`.",
        )
    if state == "ahead":
        return warning(
            f"The schema is newer than this code, which ends with the revision {head}.",
            "This is normal in a rolling deployment. Otherwise deploy the newest code here, too.",
        )
    return ok(f"The schema has the newest revision, {head}.")


@check("database clock", needs="database")
def database_clock() -> Finding:
    with SessionLocal() as db:
        db.connection()  # connect first, so that the time for connecting is not measured
        before = utc_now()
        theirs = clock.read_database_time(db)
        after = utc_now()
    apart = (theirs - before - (after - before) / 2).total_seconds()
    detail = f"The clocks of this host and of the database differ by {abs(apart):.1f} seconds."
    remedy = "Synchronise both clocks with NTP."
    if abs(apart) > SKEW_TOO_LARGE:
        return failure(detail, remedy)
    return warning(detail, remedy) if abs(apart) > SKEW_SEEN else ok(detail)


@check("database connections", needs="database")
def connections() -> Finding | None:
    settings = get_settings()
    with SessionLocal() as db:
        if is_pooled(db.connection()):
            return None  # the pooler opens the server's connections, and has its own limit
        allowed = connections_allowed(db)
    if allowed is None:
        return None
    worker = 0 if settings.embedded_worker else SIDE_POOL + WORKER_POOL
    needed = connections_needed(settings) + worker
    detail = (
        f"One server{' and one worker' if worker else ''} may open {needed} connections, and the "
        f"database server allows {allowed}."
    )
    remedy = (
        "Lower WEB_CONCURRENCY, DATABASE_POOL_SIZE or DATABASE_MAX_OVERFLOW, or raise "
        "max_connections on the database server."
    )
    if needed > allowed:
        return failure(detail, remedy)
    return warning(detail, remedy) if needed > MOST_CONNECTIONS * allowed else ok(detail)


@check("database pooler", needs="database")
def pooler() -> Finding | None:
    """Check that migrations can bypass a pooler."""
    settings = get_settings()
    with SessionLocal() as db:
        pooled = is_pooled(db.connection())
    if settings.database_direct_url is None:
        if not pooled:
            return None
        return warning(
            "DATABASE_URL leads to a pooler, and DATABASE_DIRECT_URL is not set.",
            "Set it to the address of the database itself. Migrations and backups need it.",
        )
    direct = settings.model_copy(update={"database_url": settings.database_direct_url})
    engine = make_engine(direct, pool_size=1, max_overflow=0, name="liftoff doctor", limits=BRIEF)
    try:
        with engine.connect() as connection:
            connection.execute(text("SELECT 1"))
    except SQLAlchemyError as error:
        return failure(
            f"The database at DATABASE_DIRECT_URL cannot be used: {first_line(error)}",
            "Check DATABASE_DIRECT_URL. Migrations and backups use it.",
        )
    finally:
        engine.dispose()
    return ok(f"Requests {'use' if pooled else 'do not use'} a pooler, and migrations bypass it.")


REMEDIES = {
    "late": "Look at the replica's log, its disk and the network. Until then, reads go to the "
    "primary, which must be able to serve them.",
    "unreachable": "Check DATABASE_REPLICA_URLS, and that these servers run and accept this user "
    "and password. Until then, reads go to the primary.",
    "promoted": "Make it a replica of the primary again, or remove it from DATABASE_REPLICA_URLS.",
    "another cluster": "It is not a copy of the database in DATABASE_URL. Correct "
    "DATABASE_REPLICA_URLS.",
}


@check("database replicas", needs="database")
def replica_states() -> Finding | None:
    """Ask replicas until they have the changes that the primary had at the start."""
    waiting = replicas().all
    if not waiting:
        return None
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline and any(one.state != "ok" for one in waiting):
        for one in waiting:
            one.ask()
        time.sleep(0.1)
    bad = [one for one in waiting if one.state != "ok"]
    if not bad:
        return ok(f"Replicas that have all changes of the primary: {len(waiting)}")
    detail = f"Replicas that cannot be used: {', '.join(f'{b.name} ({b.state})' for b in bad)}."
    remedy = " ".join(REMEDIES[state] for state in sorted({one.state for one in bad}))
    wrong = any(one.state == "another cluster" for one in bad)
    return (failure if wrong else warning)(detail, remedy)
