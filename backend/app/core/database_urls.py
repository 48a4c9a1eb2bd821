"""DATABASE_URL: which databases there are, through which driver, and what is refused before anything connects.

Without SQLAlchemy, whose import takes a quarter of a second that programs which only read settings need not wait for.
"""

import re
import sys
from pathlib import Path
from urllib.parse import parse_qsl, unquote

# One driver for each database: errors, limits and time-outs are told apart by what this one does.
DRIVERS = {
    "postgresql": "postgresql+psycopg2",  # SQLAlchemy 2.1 would take psycopg 3
    "postgresql+psycopg2": "postgresql+psycopg2",
    "postgres": "postgresql+psycopg2",  # the spelling of Heroku and its kin
    "mysql": "mysql+pymysql",
    "mysql+pymysql": "mysql+pymysql",
    "mariadb": "mysql+pymysql",
    "mariadb+pymysql": "mysql+pymysql",  # SQLAlchemy's own spelling
    "sqlite": "sqlite",
    "sqlite+pysqlite": "sqlite+pysqlite",
}
# As SQLAlchemy takes a URL apart.
PARTS = re.compile(
    r"(?P<name>[\w+]+)://(?P<server>(?:[^:/]*(?::[^@]*)?@)?(?:\[[^/?]+\]|[^/:?]+)?(?::(?P<port>[^/?]*))?)"
    r"(?:/(?P<database>[^?]*))?(?:\?.*)?"
)
HIGHEST_PORT = 65535


def check(url: str) -> str:
    """The same URL. Raises `ValueError` that says what is wrong with it, and shows nothing that could be a secret."""
    parts = PARTS.fullmatch(url)
    if parts is None:
        raise ValueError("must be a URL such as postgresql://user:password@host/name")
    name, port = parts["name"], parts["port"]
    if name not in DRIVERS:
        raise ValueError(_unknown(name))
    if name.startswith("sqlite"):
        if parts["server"] or parts["database"] in (None, "", ":memory:"):  # in memory each connection has its own
            raise ValueError("SQLite needs a file, such as sqlite:///.data/liftoff.db")
    elif port is not None and not (re.fullmatch(r"[0-9]{1,5}", port) and 1 <= int(port) <= HIGHEST_PORT):
        raise ValueError(f"the port after the host must be a number from 1 to {HIGHEST_PORT} (in a password, @ is %40)")
    return url


def _unknown(name: str) -> str:
    backend, _, driver = name.partition("+")
    if driver and backend in DRIVERS:
        return f"the driver {driver} is not used here; write {backend}://"
    return f"{name} is not supported; use PostgreSQL, MySQL or SQLite"


def sqlite_file(url: str, root: Path) -> Path | None:
    """The file of a URL that `check` let pass, a relative one below `root`; None for a server's database."""
    parts = PARTS.fullmatch(url)
    assert parts
    return root / unquote(parts["database"]) if parts["name"].startswith("sqlite") else None


def host(url: str) -> str:
    """Where the server of a URL that `check` let pass is; `localhost` for a file, a socket and a URL without a host."""
    parts = PARTS.fullmatch(url)
    assert parts
    named = re.sub(r":[^:\]]*$", "", parts["server"].rpartition("@")[2]) or dict(options(url)).get("host", "")
    return "localhost" if named == "" or named.startswith("/") else named


def options(url: str) -> list[tuple[str, str]]:
    """What stands behind the question mark of a URL, for the driver."""
    return parse_qsl(url.partition("?")[2])


def make_folder(file: Path) -> None:
    """The folder of a SQLite file. Where it cannot be made the process ends with one line, as with wrong settings."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        sys.exit(unusable(file, error))


def unusable(file: Path, error: OSError) -> str:
    why = "is no folder" if isinstance(error, FileExistsError | NotADirectoryError) else error.strerror
    return (
        f"The database file {file} cannot be written: {error.filename}: {why}. "
        "Mend that, or name another file in DATABASE_URL: sqlite:////folder/liftoff.db"
    )
