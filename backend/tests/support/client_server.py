"""A development server for tests whose clients are scripts and browsers."""

from collections.abc import Iterator

import pytest

from tests.support.server import Server, running_server


@pytest.fixture(scope="module")
def server(migrated) -> Iterator[Server]:
    """A server that all tests of a module share. Each test creates its own users."""
    variables = {"ENVIRONMENT": "development", "PUBLIC_URL": "", "FRONTEND_URL": ""}
    with running_server(**variables) as server:
        server.wait_until_ready()
        server.url = server.url.replace("127.0.0.1", "localhost")
        yield server
    from app.db.database import Base, engine  # this import reads the settings

    with engine.begin() as connection:
        for table in reversed(Base.metadata.sorted_tables):
            connection.execute(table.delete())
