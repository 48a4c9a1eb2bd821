"""BACKUP_KEY must differ from the other keys."""

import pytest

from tests.core.safe_settings import SAFE, complaint

GOOD = "kJ8s0pQ2vX5zB7nM1cR4tY6uW9eA3dFh"


def test_a_key_of_its_own_is_accepted(environment):
    settings = environment(**SAFE, BACKUP_KEY=GOOD, BACKUP_DIR="/srv/backups")
    assert settings.backup_key.get_secret_value() == GOOD
    assert GOOD not in repr(settings)


@pytest.mark.parametrize("name", ["SECRET_KEY", "SECRET_KEY_PREVIOUS"])
def test_another_key_is_refused_as_the_key_of_backups(environment, name):
    told = complaint(environment, **{name: GOOD, "BACKUP_KEY": GOOD})
    assert "BACKUP_KEY: must differ from SECRET_KEY" in told


def test_a_guessable_key_is_refused(environment):
    assert "BACKUP_KEY: is guessable" in complaint(environment, BACKUP_KEY="backup-" * 6)


def test_a_short_key_is_refused(environment):
    told = complaint(environment, BACKUP_KEY="short")
    assert "BACKUP_KEY: must have at least 32 characters" in told
