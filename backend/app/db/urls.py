"""Database URLs as people write them, made into what SQLAlchemy means."""

from sqlalchemy import URL, make_url

from app.core.config import ROOT
from app.core.database_urls import DRIVERS, check, sqlite_file


def normalise(url: str) -> URL:
    """Fill in the driver, and find a relative SQLite file from the project's root whatever the working directory.

    Raises `ValueError` for what `check` refuses; the settings have asked it already.
    """
    parsed = make_url(check(url))
    parsed = parsed.set(drivername=DRIVERS[parsed.drivername])
    # Set, and not written into a URL: the way to a clone may have a ? or a % in it.
    return parsed.set(database=str(file)) if (file := sqlite_file(url, ROOT)) else parsed
