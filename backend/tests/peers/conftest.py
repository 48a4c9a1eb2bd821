"""The simulator, and a PostgreSQL database for each peer.

The database is on the server in POSTGRES_TEST_URL, or on the server that the tests
themselves use.
"""

from collections.abc import Callable

import pytest
from sqlalchemy import URL, make_url

from tests.simulator.conftest import running_simulator, simulator, v1
from tests.support import databases

__all__ = ["database", "running_simulator", "simulator", "v1"]


@pytest.fixture
def database() -> Callable[[str], URL]:
    """`database("djstripe")` creates an empty database for that peer."""

    def create(peer: str) -> URL:
        return make_url(databases.create("postgresql", f"peers_{peer}"))

    return create
