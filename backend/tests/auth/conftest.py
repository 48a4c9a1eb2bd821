"""Fixtures of auth's tests.

Fixtures import modules that need the database themselves, because pytest may read this
file before the environment is set.
"""

import pytest
import time_machine
from fastapi.testclient import TestClient

from app.core.types import utc_now


@pytest.fixture
def from_address(client):
    """`from_address("198.51.100.7")` returns a client of this application at that
    address.
    """
    return lambda address: TestClient(client.app, client=(address, 50000))


@pytest.fixture
def still():
    """Stop the clock. Codes change every 30 seconds, and no test may straddle that."""
    with time_machine.travel(utc_now().replace(second=10), tick=False):
        yield


@pytest.fixture
def user(db):
    from tests.auth.factories import make_user

    return make_user()


@pytest.fixture
def phone(user):
    """The phone of `user`."""
    from tests.auth.phones import phone_of

    return phone_of(user)
