"""Time limits as defaults of the database role, for connections on which we may not set
them.

Our own connections name their limits when they connect. Behind a pooler that lends a
connection for one transaction, such a setting would belong to nobody in particular. A
default of the role applies to every connection that the pooler opens.
"""

from sqlalchemy import Connection, create_engine, text

from app.core.config import Settings

from .engines import Limits, server_limits
from .urls import normalise_database_url


def write_limits(settings: Settings) -> dict[str, str]:
    """Make the limits of requests the defaults of our role in our database, and return
    what a new connection shows.

    A second call changes nothing. Only PostgreSQL has such defaults: raises
    `ValueError` for the other databases.
    """
    url = normalise_database_url(settings.database_url.get_secret_value())
    if url.get_backend_name() != "postgresql":
        raise ValueError("Only PostgreSQL keeps time limits as defaults of a role")
    wanted = server_limits(Limits(settings.database_statement_timeout))
    # Without the limits that our own connections ask for, which would hide them.
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
