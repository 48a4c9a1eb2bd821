"""PostgreSQL gives a connection the time limits of its role, although the connection
does not ask for them.
"""

import pytest
from sqlalchemy import create_engine, text

from app.core.config import get_settings
from app.db.role_limits import write_limits
from app.db.urls import normalise_database_url

SHOWN = {
    "timezone": "UTC",
    "statement_timeout": "4s",
    "lock_timeout": "3s",
    "idle_in_transaction_session_timeout": "30s",
}


@pytest.mark.only("postgresql")
def test_every_connection_of_our_role_has_the_limits(scratch_url, settings):
    settings(DATABASE_URL=scratch_url)
    for _ in range(2):
        assert write_limits(get_settings()) == SHOWN
    settings(DATABASE_STATEMENT_TIMEOUT="7")
    assert write_limits(get_settings())["statement_timeout"] == "7s"
    plain = create_engine(normalise_database_url(scratch_url))
    with plain.connect() as connection:
        assert connection.scalar(text("SHOW statement_timeout")) == "7s"
    plain.dispose()


@pytest.mark.only("sqlite", "mysql")
def test_other_databases_have_no_such_defaults(scratch_url, settings):
    settings(DATABASE_URL=scratch_url)
    with pytest.raises(ValueError, match="Only PostgreSQL"):
        write_limits(get_settings())
