"""Database URLs as people write them, made into what SQLAlchemy means."""

from pathlib import Path

from sqlalchemy import URL, make_url

from app.core.config import ROOT

DRIVERS = {
    "postgres": "postgresql+psycopg2",  # the spelling of Heroku and its kin
    "postgresql": "postgresql+psycopg2",  # SQLAlchemy 2.1 would take psycopg 3
    "mysql": "mysql+pymysql",
    "mariadb": "mysql+pymysql",
    "mariadb+pymysql": "mysql+pymysql",  # SQLAlchemy's own spelling
}


def normalise(url: str) -> URL:
    """Fill in the driver, and find a relative SQLite file from the project's root whatever the working directory.

    Raises `ValueError` for SQLite in memory: each connection would have a database of its own.
    """
    parsed = make_url(url)
    parsed = parsed.set(drivername=DRIVERS.get(parsed.drivername, parsed.drivername))
    if parsed.get_backend_name() != "sqlite":
        return parsed
    if parsed.database in (None, "", ":memory:"):
        raise ValueError("DATABASE_URL: SQLite needs a file, such as sqlite:///.data/liftoff.db")
    if not Path(str(parsed.database)).is_absolute():
        parsed = parsed.set(database=str(ROOT / parsed.database))
    return parsed
