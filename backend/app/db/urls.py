"""Converts DATABASE_URL into an SQLAlchemy URL."""

from sqlalchemy import URL, make_url

from app.core.config import ROOT
from app.core.database_urls import DRIVERS, check_database_url, sqlite_file


def normalise_database_url(url: str) -> URL:
    """Add the driver to a database URL, and make the path of an SQLite file absolute.

    A relative path is relative to the root of the project. Raises `ValueError` if the
    URL is invalid.
    """
    parsed = make_url(check_database_url(url))
    parsed = parsed.set(drivername=DRIVERS[parsed.drivername])
    # The path is set as an attribute. As part of a URL text, a `?` or `%` in the path
    # would be interpreted.
    return parsed.set(database=str(file)) if (file := sqlite_file(url, ROOT)) else parsed
