"""The settings of the application.

Environment variables override `.env`, and `.env` overrides the defaults. An empty value
counts as unset.
"""

import secrets
import sys
from functools import lru_cache
from typing import Self, TypeVar

from pydantic import Field, SecretStr, ValidationError, model_validator

from app.core import production, refusals
from app.core.setting_fields import BACKEND, ENV_FILE, ROOT, SettingFields, Stage

__all__ = [
    "BACKEND",
    "ENV_FILE",
    "ROOT",
    "Settings",
    "Stage",
    "get_settings",
    "read_for_migrations",
    "read_stage",
]


class Settings(SettingFields):
    """The settings. Combinations that contradict each other are refused."""

    @model_validator(mode="after")
    def _refuse_what_is_wrong_together(self) -> Self:
        production.check_production_settings(self)
        return self


class MigrationSettings(Settings):
    """The settings of a migration.

    A migration uses only the database, so settings of other parts may be missing.
    """

    secret_key: SecretStr = Field(
        default_factory=lambda: SecretStr(secrets.token_urlsafe(48)), min_length=32
    )

    @model_validator(mode="after")
    def _refuse_what_is_wrong_together(self) -> Self:
        # A new clone does not set ENVIRONMENT, and may use its SQLite file.
        if "environment" in self.model_fields_set:
            production.check_database(self)
        return self


Kind = TypeVar("Kind", bound=Stage)
_only_migrates = False


def read_for_migrations() -> None:
    """Mark this process as one that only migrates the database.

    Call this before anything reads the settings.
    """
    global _only_migrates  # noqa: PLW0603 - a process that migrates does nothing else
    _only_migrates = True


@lru_cache
def get_settings() -> Settings:
    """Return the settings of this process.

    If a setting is invalid, the process exits with a message that names the variable
    but not its value.
    """
    return _read(MigrationSettings if _only_migrates else Settings)


def read_stage() -> Stage:
    """Return the environment settings, even if other settings are invalid.

    If the environment settings are invalid, the process exits.
    """
    return _read(Stage)


def _read(kind: type[Kind]) -> Kind:
    try:
        return kind()
    except ValidationError as error:
        sys.exit(refusals.explain_problems(kind, error, ENV_FILE))
    except UnicodeDecodeError:
        sys.exit(
            f"{ENV_FILE} is not a UTF-8 text file. Save it as UTF-8, or remove it and let `make "
            "dev` write a new one."
        )
    except OSError as error:
        sys.exit(
            f"{ENV_FILE} cannot be read: {error.strerror}. Make it readable for the user that "
            "runs this command."
        )
