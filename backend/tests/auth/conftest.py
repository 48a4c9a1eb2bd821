"""Fixtures of auth's tests.

What knows the database is imported by the fixtures themselves: pytest may read this
file before the environment is set.
"""

import pytest
import time_machine
from fastapi.testclient import TestClient

from app.core.types import now


@pytest.fixture
def from_address(client):
    """`from_address("198.51.100.7")`: the same application, asked from there."""
    return lambda address: TestClient(client.app, client=(address, 50000))


@pytest.fixture
def still():
    """Codes change every 30 seconds: no test may straddle that."""
    with time_machine.travel(now().replace(second=10), tick=False):
        yield


@pytest.fixture
def user(db):
    from tests.auth.factories import make_user

    return make_user()


@pytest.fixture
def phone(user):
    """That of `user`."""
    from tests.auth.phones import phone_of

    return phone_of(user)
