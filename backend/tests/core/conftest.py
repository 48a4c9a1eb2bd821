"""Settings with exactly the variables that a test names."""

import os

import pytest


@pytest.fixture
def environment(monkeypatch):
    """`environment(NAME=value)` reads settings from exactly these variables, without
    `.env`.
    """
    from app.core.config import Settings

    monkeypatch.setitem(Settings.model_config, "env_file", None)

    def set_to(**variables):
        for name in {field.upper() for field in Settings.model_fields} & set(os.environ):
            monkeypatch.delenv(name)
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        return Settings()

    return set_to
