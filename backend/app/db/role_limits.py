"""Makes our time limits the defaults of the database role, for use behind a pooler.

Without a pooler, each of our connections sets its limits once, when it is opened.
Behind a pooler that lends a connection for one transaction, each transaction must set
the limits. But a default of the role applies to every connection that the pooler opens.
With such defaults, plain queries need no transaction, which saves the round trip of a
COMMIT.
"""

from sqlalchemy import Connection, create_engine, text

from app.core.config import Settings

from .engines import Limits, server_limits
from .urls import normalise_database_url


def is_pooled(connection: Connection) -> bool:
    """Return whether a pooler lends this connection for each transaction."""
    return getattr(connection.connection.driver_connection, "is_pooled", False)


def write_limits(settings: Settings) -> dict[str, str]:
    """Make the limits of requests the defaults of our role in our database.

    Returns the limits that a new connection then has. A second call changes nothing.
    Only PostgreSQL has such defaults. Raises `ValueError` for the other databases.
    """
    url = normalise_database_url(settings.database_url.get_secret_value())
    if url.get_backend_name() != "postgresql":
        raise ValueError("Only PostgreSQL keeps time limits as defaults of a role")
    wanted = server_limits(Limits(settings.database_statement_timeout))
    # Connect without the limits that our own connections set, because they would hide
    # the defaults.
    plain = create_engine(url, isolation_level="AUTOCOMMIT")
    try:
        with plain.connect() as connection:
            _set_defaults(connection, wanted)
        plain.dispose()
        with plain.connect() as connection:
            return {name: str(connection.scalar(text(f"SHOW {name}"))) for name in wanted}
    finally:
        plain.dispose()


def _set_defaults(connection: Connection, wanted: dict[str, str]) -> None:
    database = connection.scalar(text("SELECT quote_ident(current_database())"))
    for name, value in wanted.items():
        where = f"ALTER ROLE CURRENT_USER IN DATABASE {database}"
        connection.execute(text(f"{where} SET {name} = '{value}'"))
