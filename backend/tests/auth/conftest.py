"""Fixtures of auth's tests."""

from datetime import UTC, datetime

import pytest
import time_machine
from fastapi.testclient import TestClient


@pytest.fixture
def clock():
    """A clock that tests move, `clock.shift(seconds)`; it runs on in between."""
    with time_machine.travel(datetime(2030, 1, 1, 12, tzinfo=UTC), tick=True) as traveller:
        yield traveller


@pytest.fixture
def from_address(client):
    """`from_address("198.51.100.7")`: the same application, asked from there."""
    return lambda address: TestClient(client.app, client=(address, 50000))
