"""Settings: the environment wins over `.env`, `.env` over the defaults below; an empty value counts as unset."""

import hashlib
import hmac
import re
import secrets
import sys
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, Self, TypeVar
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from app.core import database_urls, production, refusals
from app.core.setting_types import (
    DatabaseUrl,
    HeaderNames,
    Hosts,
    MailPassword,
    MailServer,
    MailUser,
    Networks,
    Origins,
    Port,
    Prefix,
    RedisUrl,
    Risks,
    Secrets,
    Sender,
    Url,
)

ROOT = Path(__file__).resolve().parents[3]
BACKEND = ROOT / "backend"
ENV_FILE = ROOT / ".env"


def _local_hosts(public_url: str, host: str) -> list[str]:
    """The names of this machine, and those that the settings give it.

    All others are refused also in development: a page whose own host name is led to 127.0.0.1 (DNS rebinding) would be
    of one origin with us, and could read the mailbox.
    """
    try:
        named = [urlsplit(public_url).hostname or "", host]
    except ValueError:
        named = [host]
    # In a Host header an IPv6 address stands in brackets; what stands for all addresses is nobody's name.
    given = [f"[{name}]" if ":" in name else name for name in named if name not in ("", "0.0.0.0", "::")]  # noqa: S104 - compared, not listened on
    return list(dict.fromkeys(["localhost", "127.0.0.1", "[::1]", *given]))


def _simulator_url(port: object) -> str:
    return f"http://127.0.0.1:{port}"


def _simulated_stripe(values: dict[str, Any]) -> dict[str, Any]:
    """With the simulator nobody needs an account: any test key will do, and `make dev` tells it the webhook secret."""
    base = _simulator_url(values.get("simulator_port", 8001))
    if values.get("stripe_api_base", base) != base:
        return {}
    key = values.get("secret_key", "")
    own = (key.get_secret_value() if isinstance(key, SecretStr) else str(key)).encode(errors="replace")
    secret = hmac.new(own, b"liftoff simulator webhook", hashlib.sha256).hexdigest()[:32]
    return {
        "stripe_api_base": base,
        "stripe_secret_key": "sk_test_simulator",
        "stripe_webhook_secret": f"whsec_{secret}",
    }


DEPLOYED = ("staging", "production")
SURROGATE = re.compile("[\ud800-\udfff]")


class Stage(BaseSettings):
    """How strictly all other settings are looked at: can be asked when some of them are wrong."""

    model_config = SettingsConfigDict(
        env_file=ENV_FILE, env_ignore_empty=True, extra="ignore", frozen=True, hide_input_in_errors=True
    )

    # Production unless told otherwise: a deployment that forgets this variable must fail closed, not open.
    environment: Literal["development", "test", "staging", "production"] = "production"

    @property
    def is_deployed(self) -> bool:
        """Staging is production in everything but Stripe's mode: whatever is strict asks this."""
        return self.environment in DEPLOYED

    @property
    def is_production(self) -> bool:
        """Whether real money moves, and Stripe's time is the real one."""
        return self.environment == "production"


class Settings(Stage):
    """Every knob there is. A field's upper-case name is its variable; `.env.example` lists them all."""

    secret_key: SecretStr = Field(min_length=32, description="Signs and encrypts; every other key is derived from it.")
    secret_key_previous: SecretStr | None = Field(
        None, min_length=32, description="The key before: what it made is still read, nothing more is made with it."
    )
    payments_enabled: bool = True

    host: str = "127.0.0.1"
    port: Port = 8000
    web_concurrency: int = Field(1, ge=1, le=64, description="Server processes.")
    worker_threads: int = Field(40, ge=1, le=1000, description="Threads per process that run endpoints.")
    public_url: Url | None = Field(None, description="Where browsers reach this API.")
    frontend_url: Url | None = Field(None, description="Where the web frontend lives; links in mails lead there.")
    api_prefix: Prefix = ""
    allowed_hosts: Hosts = Field(default_factory=list, description="Host names answered; others get 400.")
    cors_origins: Origins = Field(default_factory=list, description="Browser origins that may read answers.")
    cors_headers: HeaderNames = Field(default_factory=list, description="Headers that those pages may send, too.")
    trusted_proxies: Networks = Field(default_factory=list, description="Peers whose X-Forwarded-* headers count.")
    accept_risks: Risks = Field(default_factory=list, description="Risks that a deployment runs with open eyes.")

    database_url: DatabaseUrl = SecretStr("sqlite:///.data/liftoff.db")  # below ROOT, whatever ROOT is called
    database_pool_size: int = Field(15, ge=1, le=500, description="Connections kept open per process.")
    database_max_overflow: int = Field(5, ge=0, le=500, description="Connections opened beyond that under load.")
    database_pool_timeout: float = Field(3, gt=0, le=60, description="Seconds that a request waits for its turn.")
    database_statement_timeout: float = Field(4, ge=1, le=60, description="Seconds for one statement of a request.")
    database_pool_recycle: int = Field(1800, ge=30, description="Seconds after which a connection is replaced.")

    redis_url: RedisUrl | None = None
    writes_per_minute: int = Field(
        120, ge=0, le=100_000, description="Unsafe requests per user; half of them may come at once. 0 is no limit."
    )

    embedded_worker: bool | None = Field(None, description="Mail and jobs in the web process; on in development.")

    smtp_host: MailServer | None = None
    smtp_port: Port = 587
    smtp_username: MailUser | None = None
    smtp_password: MailPassword | None = None
    smtp_tls: Literal["starttls", "ssl", "none"] = "starttls"
    mail_from: Sender | None = None
    mail_to_strangers_per_hour: int = Field(
        1000, ge=1, description="Mails to addresses without an account; more of them go out last."
    )

    google_client_id: str | None = Field(None, description="With the secret it opens the Google sign-in.")
    google_client_secret: SecretStr | None = None
    google_issuer: Url = Field("https://accounts.google.com", description="Any OpenID Connect provider.")

    stripe_secret_key: SecretStr | None = None
    stripe_webhook_secret: Secrets = Field(default_factory=list)
    stripe_api_base: Url = Field("https://api.stripe.com", description="Or the simulator's, outside production.")
    simulator_port: Port = Field(8001, description="Where `make dev` runs the Stripe simulator.")
    simulator_state: Path = Field(Path(".data/simulator.db"), description="Its state; a relative one is below ROOT.")
    payments_grace_days: int = Field(7, ge=0, le=60, description="Access that a failed payment leaves.")

    password_min_length: int = Field(12, ge=8, le=64)
    password_hash_kib: int = Field(19_456, ge=64, le=1_048_576, description="Memory that hashing one password takes.")
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    log_format: Literal["console", "json"] | None = None
    docs_enabled: bool | None = Field(None, description="`/docs`, `/redoc`, `/openapi.json`; off in production.")
    metrics_enabled: bool | None = Field(None, description="`/metrics`; off in production without METRICS_PORT.")
    metrics_port: Port | None = Field(None, description="A listener for `/metrics` alone, next to the public one.")

    @model_validator(mode="before")
    @classmethod
    def _fill_in(cls, values: dict[str, Any]) -> dict[str, Any]:
        """What depends on the environment, so that a frozen object holds the last word."""
        live = values.get("environment", "production") in DEPLOYED
        defaults = {"log_format": "json" if live else "console", "docs_enabled": not live}
        defaults["metrics_enabled"] = not live or bool(values.get("metrics_port"))
        defaults["embedded_worker"] = values.get("environment") == "development"
        if values.get("environment") == "development":
            defaults["host"] = "localhost"  # both addresses of it: `app/server/listening.py`
        if not live:
            local = f"http://localhost:{values.get('port', 8000)}"
            defaults |= {
                "public_url": local,
                "frontend_url": f"{local}{values.get('api_prefix', '')}/dev/frontend",
                "mail_from": "liftoff@example.com",
            }
            hosts = _local_hosts(str(values.get("public_url", local)), str(values.get("host", "")))
            names = [*hosts, "testserver"] if values.get("environment") == "test" else hosts
            defaults |= {"allowed_hosts": ",".join(names)}
            defaults |= _simulated_stripe(values)
        return defaults | values

    @field_validator("*", mode="before")
    @classmethod
    def _refuse_what_is_no_text(cls, value: object) -> object:
        """A variable whose bytes are not UTF-8 reaches Python as lone surrogates, which no protocol can send."""
        if isinstance(value, str) and not value.isascii() and SURROGATE.search(value):
            raise ValueError("is not UTF-8 text")
        return value

    @model_validator(mode="after")
    def _refuse_what_is_wrong_together(self) -> Self:
        production.check(self)
        return self

    @property
    def sqlite_file(self) -> Path | None:
        return database_urls.sqlite_file(self.database_url.get_secret_value(), ROOT)

    @property
    def simulator_file(self) -> Path:
        return ROOT / self.simulator_state

    @property
    def simulator_url(self) -> str:
        return _simulator_url(self.simulator_port)


class MigrationSettings(Settings):
    """The settings that migrations need. They only use the database, so every other setting may be missing."""

    secret_key: SecretStr = Field(default_factory=lambda: SecretStr(secrets.token_urlsafe(48)), min_length=32)

    @model_validator(mode="after")
    def _refuse_what_is_wrong_together(self) -> Self:
        if "environment" in self.model_fields_set:  # a fresh clone has none, and may have its SQLite file
            production.check_database(self)
        return self


Kind = TypeVar("Kind", bound=Stage)
_only_migrates = False


def read_for_migrations() -> None:
    """From now on, this process only needs the database. Call it before anything asks for settings."""
    global _only_migrates  # noqa: PLW0603 - a process that migrates does nothing else
    _only_migrates = True


@lru_cache
def get_settings() -> Settings:
    """The one settings object of this process. Wrong settings end the process, naming variables but never values."""
    return _read(MigrationSettings if _only_migrates else Settings)


def read_stage() -> Stage:
    """ENVIRONMENT alone, whatever the other settings are. Ends the process as `get_settings` does."""
    return _read(Stage)


def _read(kind: type[Kind]) -> Kind:
    try:
        return kind()
    except ValidationError as error:
        sys.exit(refusals.explain(kind, error, ENV_FILE))
    except UnicodeDecodeError:
        sys.exit(f"{ENV_FILE} is no UTF-8 text: save it as UTF-8, or remove it and `make dev` writes another one.")
    except OSError as error:
        sys.exit(f"{ENV_FILE} cannot be read: {error.strerror}. Make it readable for the user that runs this.")
