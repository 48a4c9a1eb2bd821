"""The settings of everything by which people monitor a process."""

from typing import Literal

from pydantic import Field
from pydantic_settings import BaseSettings

from app.core.setting_types import Port, SentryDsn, Url


class WatchingFields(BaseSettings):
    """The settings of logs, API documentation, metrics, and slow statements."""

    log_level: Literal["debug", "info", "warning", "error"] = "info"
    log_format: Literal["console", "json"] | None = None
    docs_enabled: bool | None = Field(
        None, description="Serve `/docs`, `/redoc`, `/openapi.json`. Off in production."
    )
    metrics_enabled: bool | None = Field(
        None, description="Serve `/metrics`. Off in production without METRICS_PORT."
    )
    metrics_port: Port | None = Field(
        None, description="A separate port that serves only `/metrics`."
    )

    otel_exporter_otlp_endpoint: Url | None = Field(
        None, description="Where traces are sent: an OTLP collector that speaks HTTP."
    )
    sentry_dsn: SentryDsn | None = Field(None, description="Where errors are reported.")

    slow_statement_seconds: float = Field(
        0.5, ge=0, le=60, description="Statements that take longer are logged. 0 logs none."
    )
    slow_statement_plans: bool = Field(
        default=False, description="Log the plan of a slow query, too, without its values."
    )
    server_timing: bool | None = Field(
        None, description="Send `Server-Timing` with each response. On in development."
    )
