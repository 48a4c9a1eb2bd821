"""Fixtures for the tests of the admin."""

import pytest


@pytest.fixture
def desk(app, client, db):
    """A client of the admin. Its user is a superuser who has just signed in."""
    from tests.support.admin import desk_of

    return desk_of(app)
