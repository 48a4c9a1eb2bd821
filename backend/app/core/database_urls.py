"""Checks of DATABASE_URL, and the databases and drivers that it can name.

This module does not import SQLAlchemy. That import takes a quarter of a second, too
long for programs that only read settings.
"""

import re
import sys
from pathlib import Path
from urllib.parse import parse_qsl, unquote

# Each database has one supported driver, because our handling of errors and timeouts
# depends on the driver.
DRIVERS = {
    "postgresql": "postgresql+psycopg2",  # SQLAlchemy 2.1 would choose psycopg 3
    "postgresql+psycopg2": "postgresql+psycopg2",
    "postgres": "postgresql+psycopg2",  # the spelling of Heroku and similar providers
    "mysql": "mysql+pymysql",
    "mysql+pymysql": "mysql+pymysql",
    "mariadb": "mysql+pymysql",
    "mariadb+pymysql": "mysql+pymysql",  # SQLAlchemy's own spelling
    "sqlite": "sqlite",
    "sqlite+pysqlite": "sqlite+pysqlite",
}
# This pattern splits a URL in the same way as SQLAlchemy.
PARTS = re.compile(
    r"(?P<name>[\w+]+)://(?P<server>(?:[^:/]*(?::[^@]*)?@)?(?:\[[^/?]+\]|[^/:?]+)?(?::(?P<port>[^/?]*))?)"
    r"(?:/(?P<database>[^?]*))?(?:\?.*)?"
)
HIGHEST_PORT = 65535
MONGODB = re.compile(
    r"mongodb(?P<srv>\+srv)?://(?:[^:/@?]+(?::[^:/@?]*)?@)?(?P<hosts>[^@/?\s]+)"
    r"(?:/(?P<database>[^?/]*))?(?:\?(?P<options>\S*))?"
)
DATABASE_NAME = re.compile(r"[A-Za-z0-9_-]{1,63}")
DOCUMENTS = "liftoff"  # the name of the database, unless MONGODB_URL names one


def check_database_url(url: str) -> str:
    """Return the URL if it is valid.

    Raises `ValueError` with a reason that contains no secret.
    """
    parts = PARTS.fullmatch(url)
    if parts is None:
        raise ValueError("must be a URL such as postgresql://user:password@host/name")
    name, port = parts["name"], parts["port"]
    if name not in DRIVERS:
        raise ValueError(_unknown(name))
    if name.startswith("sqlite"):
        # Each connection to an in-memory database would see a separate database.
        if parts["server"] or parts["database"] in (None, "", ":memory:"):
            raise ValueError("SQLite needs a file, such as sqlite:///.data/liftoff.db")
    elif port is not None and not (
        re.fullmatch(r"[0-9]{1,5}", port) and 1 <= int(port) <= HIGHEST_PORT
    ):
        raise ValueError(
            f"the port after the host must be a number from 1 to {HIGHEST_PORT}; write @ in a "
            "password as %40"
        )
    return url


def check_mongodb_url(url: str) -> str:
    """Return the URL if its main parts are valid for MongoDB's drivers.

    The path is the name of the database. Raises `ValueError` with a reason that
    contains no secret.
    """
    parts = MONGODB.fullmatch(url)
    if parts is None:
        raise ValueError(
            "must be a URL such as mongodb://user:password@host:27017/liftoff or "
            "mongodb+srv://; "
            "write @, : and / in a password as %40, %3A and %2F"
        )
    if not DATABASE_NAME.fullmatch(parts["database"] or DOCUMENTS):
        raise ValueError(
            "the name of the database after the host must consist of letters, digits, - and _"
        )
    return url


def _unknown(name: str) -> str:
    backend, _, driver = name.partition("+")
    if backend == "mongodb":
        return (
            "MongoDB holds documents, not our tables; write this URL into MONGODB_URL, and here "
            "the URL of a PostgreSQL, MySQL or SQLite database"
        )
    if driver and backend in DRIVERS:
        return f"the driver {driver} is not supported; write {backend}://"
    return f"{name} is not supported; use PostgreSQL, MySQL or SQLite"


def sqlite_file(url: str, root: Path) -> Path | None:
    """Return the SQLite file of a checked URL, or `None` for a database server.

    A relative path is resolved against `root`.
    """
    parts = PARTS.fullmatch(url)
    assert parts
    return root / unquote(parts["database"]) if parts["name"].startswith("sqlite") else None


def is_postgresql(url: str) -> bool:
    """Return whether a checked URL names a PostgreSQL server."""
    parts = PARTS.fullmatch(url)
    assert parts
    return DRIVERS[parts["name"]].startswith("postgresql")


def database_host(url: str) -> str:
    """Return the host of the database server in a checked URL.

    The result is `localhost` for a file, a socket or a URL without a host.
    """
    parts = PARTS.fullmatch(url)
    assert parts
    named = re.sub(r":[^:\]]*$", "", parts["server"].rpartition("@")[2]) or dict(
        driver_options(url)
    ).get("host", "")
    return "localhost" if named == "" or named.startswith("/") else named


def driver_options(url: str) -> list[tuple[str, str]]:
    """Return the driver options in a URL's query string."""
    return parse_qsl(url.partition("?")[2])


def make_folder(file: Path) -> None:
    """Create the folder of an SQLite file.

    If this fails, the process exits with a one-line message.
    """
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        sys.exit(unusable(file, error))


def unusable(file: Path, error: OSError) -> str:
    why = (
        "is not a folder"
        if isinstance(error, FileExistsError | NotADirectoryError)
        else error.strerror
    )
    return (
        f"The database file {file} cannot be written: {error.filename}: {why}. "
        "Fix that, or name another file in DATABASE_URL: sqlite:////folder/liftoff.db"
    )
