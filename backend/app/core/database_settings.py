"""The settings of the relational database."""

from typing import Literal

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings

from app.core.setting_types import DatabaseUrl, DatabaseUrls


class DatabaseFields(BaseSettings):
    """The addresses of the database, and the limits of its connections."""

    # relative to ROOT
    database_url: DatabaseUrl = SecretStr("sqlite:///.data/liftoff.db")
    database_direct_url: DatabaseUrl | None = Field(
        None, description="The database without a pooler in between, for migrations."
    )
    database_replica_urls: DatabaseUrls = Field(
        default_factory=list, description="Replicas, for reads that may be a second old."
    )
    database_pooler: Literal["", "none", "transaction"] = Field(
        "", description="Whether a pooler lends connections. Empty: each connection shows it."
    )
    database_pool_size: int = Field(
        15, ge=1, le=500, description="Connections kept open per process."
    )
    database_max_overflow: int = Field(
        5, ge=0, le=500, description="Further connections, opened under load."
    )
    database_pool_timeout: float = Field(
        3, gt=0, le=60, description="Seconds that a request waits for a connection."
    )
    database_statement_timeout: float = Field(
        4, ge=1, le=60, description="Seconds for one statement of a request."
    )
    database_pool_recycle: int = Field(
        1800, ge=30, description="Seconds after which a connection is replaced."
    )
