"""The simulator, and a PostgreSQL database for each peer: POSTGRES_TEST_URL's, or that
of the tests themselves.
"""

from collections.abc import Callable

import pytest
from sqlalchemy import URL, make_url

from tests.simulator.conftest import running_simulator, simulator, v1
from tests.support import databases

__all__ = ["database", "running_simulator", "simulator", "v1"]


@pytest.fixture
def database() -> Callable[[str], URL]:
    """`database("djstripe")` is an empty one for that peer."""

    def create(peer: str) -> URL:
        return make_url(databases.create("postgresql", f"peers_{peer}"))

    return create
