"""Converts database URLs as people write them into URLs of SQLAlchemy."""

from sqlalchemy import URL, make_url

from app.core.config import ROOT
from app.core.database_urls import DRIVERS, check, sqlite_file


def normalise(url: str) -> URL:
    """Fill in the driver, and resolve a relative SQLite file from the root of the
    project.

    Raises `ValueError` if `check` refuses the URL, which the settings have already
    checked.
    """
    parsed = make_url(check(url))
    parsed = parsed.set(drivername=DRIVERS[parsed.drivername])
    # The file is set, not written into a URL, because its path may contain a ? or a %.
    return parsed.set(database=str(file)) if (file := sqlite_file(url, ROOT)) else parsed
