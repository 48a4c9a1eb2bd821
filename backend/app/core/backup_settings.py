"""The settings of backups."""

from pathlib import Path

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings


class BackupFields(BaseSettings):
    """Settings of `make backup` and `make restore`, which the server does not use."""

    backup_dir: Path | None = Field(
        None, description="Folder of the backups. A relative path starts at ROOT."
    )
    backup_key: SecretStr | None = Field(
        None, min_length=32, description="Encrypts backups. It differs from SECRET_KEY."
    )
