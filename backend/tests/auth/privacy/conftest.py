"""A user, and the storage of their exports."""

import pytest


@pytest.fixture
def folder(settings, tmp_path):
    """The folder of the storage."""
    settings(STORAGE_URL=(tmp_path / "objects").as_uri())
    return tmp_path / "objects"


@pytest.fixture
def stored(folder):
    """`stored()` returns the objects of the storage."""
    return lambda: [each for each in folder.rglob("*") if each.is_file()]


@pytest.fixture
def user(db):
    from tests.auth.factories import make_user  # needs the database

    return make_user()
