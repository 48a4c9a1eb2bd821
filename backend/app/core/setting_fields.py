"""The fields of the settings, with their types and defaults."""

import hashlib
import hmac
import re
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from app.core import database_urls
from app.core.backup_settings import BackupFields
from app.core.broker_settings import BrokerFields
from app.core.database_settings import DatabaseFields
from app.core.search_settings import SearchFields
from app.core.setting_types import (
    HeaderNames,
    Hosts,
    Key,
    MailPassword,
    MailServer,
    MailUser,
    MongoDbUrl,
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
from app.core.storage_settings import StorageFields
from app.core.watching_settings import WatchingFields

ROOT = Path(__file__).resolve().parents[3]
BACKEND = ROOT / "backend"
ENV_FILE = ROOT / ".env"


def _local_hosts(public_url: str, host: str) -> list[str]:
    """Return the names of this machine, including the hosts in PUBLIC_URL and HOST.

    Requests for other names are refused, even in development. Otherwise a page of a
    foreign host name that resolves to 127.0.0.1 (DNS rebinding) would have the same
    origin as this API, and could read the mails in the development mailbox.
    """
    try:
        named = [urlsplit(public_url).hostname or "", host]
    except ValueError:
        named = [host]
    # In a Host header, IPv6 addresses are in brackets. The addresses 0.0.0.0 and :: are
    # not host names.
    given = [
        f"[{name}]" if ":" in name else name
        for name in named
        if name not in ("", "0.0.0.0", "::")  # noqa: S104 - compared, not listened on
    ]
    return list(dict.fromkeys(["localhost", "127.0.0.1", "[::1]", *given]))


def _simulator_url(port: object) -> str:
    return f"http://127.0.0.1:{port}"


def _simulated_stripe(values: dict[str, Any]) -> dict[str, Any]:
    """Return settings for the simulator, which needs no Stripe account.

    The simulator accepts any test key, and `make dev` gives it the webhook secret.
    """
    base = _simulator_url(values.get("simulator_port", 8001))
    if values.get("stripe_api_base", base) != base:
        return {}
    key = values.get("secret_key", "")
    own = (key.get_secret_value() if isinstance(key, SecretStr) else str(key)).encode(
        errors="replace"
    )
    secret = hmac.new(own, b"liftoff simulator webhook", hashlib.sha256).hexdigest()[:32]
    return {
        "stripe_api_base": base,
        "stripe_secret_key": "sk_test_simulator",
        "stripe_webhook_secret": f"whsec_{secret}",
    }


DEPLOYED = ("staging", "production")
SURROGATE = re.compile("[\ud800-\udfff]")


class Stage(BaseSettings):
    """The settings that decide how strictly all other settings are checked.

    These settings can be read even if other settings are invalid.
    """

    model_config = SettingsConfigDict(
        env_file=ENV_FILE,
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,
    )

    # The default is production, so that a deployment without this variable gets the
    # strict checks.
    environment: Literal["development", "test", "staging", "production"] = "production"

    @property
    def is_deployed(self) -> bool:
        """Return whether this is staging or production.

        Staging is as strict as production, except for the mode of Stripe. All strict
        checks use this property.
        """
        return self.environment in DEPLOYED

    @property
    def is_production(self) -> bool:
        """Return whether this is production, where Stripe uses real money and time."""
        return self.environment == "production"


class SettingFields(
    DatabaseFields,
    SearchFields,
    WatchingFields,
    BackupFields,
    BrokerFields,
    StorageFields,
    Stage,
):
    """All settings of the application.

    The variable of a field is its name in upper case. `.env.example` lists all
    variables.
    """

    secret_key: SecretStr = Field(
        min_length=32, description="Signs and encrypts. Every other key is derived from it."
    )
    secret_key_previous: SecretStr | None = Field(
        None,
        min_length=32,
        description="The previous key. It still verifies and decrypts, but signs nothing new.",
    )
    payments_enabled: bool = True

    host: str = "127.0.0.1"
    port: Port = 8000
    web_concurrency: int = Field(1, ge=1, le=64, description="Server processes.")
    worker_threads: int = Field(
        40, ge=1, le=1000, description="Threads that run endpoints, per process."
    )
    public_url: Url | None = Field(None, description="Where browsers reach this API.")
    frontend_url: Url | None = Field(
        None, description="Address of the web frontend. Links in emails lead there."
    )
    api_prefix: Prefix = ""
    allowed_hosts: Hosts = Field(
        default_factory=list, description="Host names that are served. Others get 400."
    )
    cors_origins: Origins = Field(
        default_factory=list, description="Browser origins that may read responses."
    )
    cors_headers: HeaderNames = Field(
        default_factory=list, description="Additional headers that these origins may send."
    )
    trusted_proxies: Networks = Field(
        default_factory=list, description="Proxies whose X-Forwarded-* headers are trusted."
    )
    accept_risks: Risks = Field(
        default_factory=list, description="Risks that the operator of a deployment accepts."
    )

    mongodb_url: MongoDbUrl | None = Field(None, description="Keeps documents in MongoDB.")
    redis_url: RedisUrl | None = None
    cache_enabled: bool = Field(
        default=True,
        description="Keep public responses in memory until their data changes.",
    )
    impersonation_mails: bool = Field(
        default=True, description="Email users when staff begin to act as them."
    )
    identity_cache_seconds: float = Field(
        0, ge=0, le=60, description="Seconds for which a process may remember a token's user."
    )
    writes_per_minute: int = Field(
        120,
        ge=0,
        le=100_000,
        description="Unsafe requests per user. Half of them may come at once. 0 means no limit.",
    )

    smtp_host: MailServer | None = None
    smtp_port: Port = 587
    smtp_username: MailUser | None = None
    smtp_password: MailPassword | None = None
    smtp_tls: Literal["starttls", "ssl", "none"] = "starttls"
    mail_from: Sender | None = None
    mail_to_strangers_per_hour: int = Field(
        1000,
        ge=1,
        description="Emails to addresses without an account. Further ones are sent last.",
    )

    google_client_id: str | None = Field(
        None, description="Together with the secret, turns on Google sign-in."
    )
    google_client_secret: SecretStr | None = None
    google_issuer: Url = Field("https://accounts.google.com", description="Any OIDC provider.")

    stripe_secret_key: Key | None = None
    stripe_webhook_secret: Secrets = Field(default_factory=list)
    stripe_api_base: Url = Field(
        "https://api.stripe.com",
        description="URL of Stripe, or of the simulator outside production.",
    )
    simulator_port: Port = Field(8001, description="Where `make dev` runs the Stripe simulator.")
    simulator_state: Path = Field(
        Path(".data/simulator.db"),
        description="File with the simulator's state. A relative path starts at ROOT.",
    )
    payments_grace_days: int = Field(
        7, ge=0, le=60, description="Days of access that remain after a failed payment."
    )

    password_min_length: int = Field(12, ge=8, le=64)
    password_hash_kib: int = Field(
        19_456, ge=64, le=1_048_576, description="Memory in KiB that hashing one password takes."
    )

    @model_validator(mode="before")
    @classmethod
    def _fill_in(cls, values: dict[str, Any]) -> dict[str, Any]:
        """Fill in the defaults that depend on the environment.

        This happens before validation, because a validated object cannot be changed.
        """
        live = values.get("environment", "production") in DEPLOYED
        defaults = {"log_format": "json" if live else "console", "docs_enabled": not live}
        defaults["metrics_enabled"] = not live or bool(values.get("metrics_port"))
        developing = values.get("environment") == "development"
        embedded = developing and not values.get("celery_broker_url")
        defaults |= {"embedded_worker": embedded, "server_timing": developing}
        if developing:
            defaults["host"] = "localhost"  # IPv4 and IPv6 loopback: see `app/server/listening.py`
        if not live:
            local = f"http://localhost:{values.get('port', 8000)}"
            defaults |= {
                "public_url": local,
                "frontend_url": f"{local}{values.get('api_prefix', '')}/demo",
                "mail_from": "liftoff@example.com",
                "storage_url": (ROOT / ".data" / "storage").as_uri(),
            }
            hosts = _local_hosts(str(values.get("public_url", local)), str(values.get("host", "")))
            names = [*hosts, "testserver"] if values.get("environment") == "test" else hosts
            defaults |= {"allowed_hosts": ",".join(names)}
            defaults |= _simulated_stripe(values)
        return defaults | values

    @field_validator("*", mode="before")
    @classmethod
    def _refuse_what_is_no_text(cls, value: object) -> object:
        """Refuse a value that is not valid UTF-8.

        Python turns invalid bytes into lone surrogates, which no protocol can transmit.
        """
        if isinstance(value, str) and not value.isascii() and SURROGATE.search(value):
            raise ValueError("is not UTF-8 text")
        return value

    @property
    def sqlite_file(self) -> Path | None:
        return database_urls.sqlite_file(self.database_url.get_secret_value(), ROOT)

    @property
    def simulator_file(self) -> Path:
        return ROOT / self.simulator_state

    @property
    def simulator_url(self) -> str:
        return _simulator_url(self.simulator_port)
