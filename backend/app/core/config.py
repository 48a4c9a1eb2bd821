"""Settings: the environment wins over `.env`, `.env` over the defaults below; an empty value counts as unset."""

import hashlib
import hmac
import sys
from email.utils import parseaddr
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeVar
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from app.core import database_urls, production
from app.core.networks import check_host, check_network, check_origin, is_loopback

ROOT = Path(__file__).resolve().parents[3]
BACKEND = ROOT / "backend"
ENV_FILE = ROOT / ".env"


def _split(value: object) -> object:
    """Lists are written with commas."""
    return [item.strip() for item in value.split(",") if item.strip()] if isinstance(value, str) else value


def _bare(url: str) -> str:
    return url.rstrip("/")


def _redis(url: SecretStr) -> SecretStr:
    """Refused here, where the variable is named, and not at the first request that counts."""
    try:
        parts = urlsplit(url.get_secret_value())
        usable = parts.scheme in ("redis", "rediss") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise ValueError("must be a URL such as redis://:password@host:6379/0, or rediss:// with TLS")
    return url


def _database(url: SecretStr) -> SecretStr:
    database_urls.check(url.get_secret_value())
    return url


def _sender(value: str) -> str:
    """Goes into a header of every mail."""
    address = parseaddr(value)[1]
    if not value.isprintable() or address.count("@") != 1:
        raise ValueError("must be an address, or a name and an address: Liftoff <hello@example.com>")
    return value


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


Hosts = Annotated[list[Annotated[str, AfterValidator(check_host)]], NoDecode, BeforeValidator(_split)]
Networks = Annotated[list[Annotated[str, AfterValidator(check_network)]], NoDecode, BeforeValidator(_split)]
Origins = Annotated[list[Annotated[str, AfterValidator(check_origin)]], NoDecode, BeforeValidator(_split)]
DatabaseUrl = Annotated[SecretStr, AfterValidator(_database)]
RedisUrl = Annotated[SecretStr, AfterValidator(_redis)]
Sender = Annotated[str, AfterValidator(_sender)]
Port = Annotated[int, Field(ge=1, le=65535)]
Url = Annotated[str, Field(pattern=r"^https?://[^/?#@\s]+(/[^?#\s]*)?$"), AfterValidator(_bare)]


def _simulator_url(port: object) -> str:
    return f"http://127.0.0.1:{port}"


def _simulated_stripe(values: dict[str, Any]) -> dict[str, Any]:
    """With the simulator nobody needs an account: any test key will do, and `make dev` tells it the webhook secret."""
    base = _simulator_url(values.get("simulator_port", 8001))
    if values.get("stripe_api_base", base) != base:
        return {}
    key = values.get("secret_key", "")
    own = (key.get_secret_value() if isinstance(key, SecretStr) else str(key)).encode()
    secret = hmac.new(own, b"liftoff simulator webhook", hashlib.sha256).hexdigest()[:32]
    return {
        "stripe_api_base": base,
        "stripe_secret_key": "sk_test_simulator",
        "stripe_webhook_secret": f"whsec_{secret}",
    }


class Stage(BaseSettings):
    """How strictly all other settings are looked at: can be asked when some of them are wrong."""

    model_config = SettingsConfigDict(
        env_file=ENV_FILE, env_ignore_empty=True, extra="ignore", frozen=True, hide_input_in_errors=True
    )

    # Production unless told otherwise: a deployment that forgets this variable must fail closed, not open.
    environment: Literal["development", "test", "production"] = "production"


class Settings(Stage):
    """Every knob there is. A field's upper-case name is its variable; `.env.example` lists them all."""

    secret_key: SecretStr = Field(min_length=32, description="Signs and encrypts; every other key is derived from it.")
    payments_enabled: bool = True

    host: str = "127.0.0.1"
    port: Port = 8000
    web_concurrency: int = Field(1, ge=1, le=64, description="Server processes.")
    worker_threads: int = Field(40, ge=1, le=1000, description="Threads per process that run endpoints.")
    public_url: Url | None = Field(None, description="Where browsers reach this API.")
    frontend_url: Url | None = Field(None, description="Where the web frontend lives; links in mails lead there.")
    api_prefix: Annotated[str, Field(pattern=r"^(/[a-z0-9._-]+)*$")] = ""
    allowed_hosts: Hosts = Field(default_factory=list, description="Host names answered; others get 400.")
    cors_origins: Origins = Field(default_factory=list, description="Browser origins that may read answers.")
    trusted_proxies: Networks = Field(default_factory=list, description="Peers whose X-Forwarded-* headers count.")

    database_url: DatabaseUrl = SecretStr("sqlite:///.data/liftoff.db")  # below ROOT, whatever ROOT is called
    database_pool_size: int = Field(15, ge=1, le=500, description="Connections kept open per process.")
    database_max_overflow: int = Field(5, ge=0, le=500, description="Connections opened beyond that under load.")
    database_pool_timeout: float = Field(3, gt=0, le=60, description="Seconds that a request waits for its turn.")
    database_pool_recycle: int = Field(1800, ge=30, description="Seconds after which a connection is replaced.")

    redis_url: RedisUrl | None = None
    writes_per_minute: int = Field(
        120, ge=0, le=100_000, description="Unsafe requests per user; half of them may come at once. 0 is no limit."
    )

    embedded_worker: bool | None = Field(None, description="Mail and jobs in the web process; on in development.")

    smtp_host: str | None = None
    smtp_port: Port = 587
    smtp_username: str | None = None
    smtp_password: SecretStr | None = None
    smtp_tls: Literal["starttls", "ssl", "none"] = "starttls"
    mail_from: Sender | None = None

    google_client_id: str | None = Field(None, description="With the secret it opens the Google sign-in.")
    google_client_secret: SecretStr | None = None
    google_issuer: Url = Field("https://accounts.google.com", description="Any OpenID Connect provider.")

    stripe_secret_key: SecretStr | None = None
    stripe_webhook_secret: Annotated[list[SecretStr], NoDecode, BeforeValidator(_split)] = Field(default_factory=list)
    stripe_api_base: Url = Field("https://api.stripe.com", description="The simulator, outside production.")
    simulator_port: Port = Field(8001, description="Where `make dev` runs the Stripe simulator.")
    payments_grace_days: int = Field(7, ge=0, le=60, description="Access that a failed payment leaves.")

    password_min_length: int = Field(12, ge=8, le=64)
    password_hash_kib: int = Field(19_456, ge=64, le=1_048_576, description="Memory that hashing one password takes.")
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    log_format: Literal["console", "json"] | None = None
    docs_enabled: bool | None = Field(None, description="`/docs`, `/redoc`, `/openapi.json`; off in production.")
    metrics_enabled: bool | None = Field(None, description="`/metrics`; off in production.")

    @model_validator(mode="before")
    @classmethod
    def _fill_in(cls, values: dict[str, Any]) -> dict[str, Any]:
        """What depends on the environment, so that a frozen object holds the last word."""
        live = values.get("environment", "production") == "production"
        defaults = {"log_format": "json" if live else "console", "docs_enabled": not live, "metrics_enabled": not live}
        defaults["embedded_worker"] = values.get("environment") == "development"
        if not live:
            local = f"http://127.0.0.1:{values.get('port', 8000)}"
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

    @model_validator(mode="after")
    def _refuse_weakness(self) -> Self:
        if self.environment == "production":
            production.check(self)
        return self

    @model_validator(mode="after")
    def _give_each_connection_a_thread(self) -> Self:
        """With fewer threads than connections some connections could never be used (`app/db/admission.py`)."""
        connections = self.database_pool_size + self.database_max_overflow
        if self.worker_threads < connections:
            raise ValueError(
                f"WORKER_THREADS ({self.worker_threads}) must be at least DATABASE_POOL_SIZE + DATABASE_MAX_OVERFLOW "
                f"({connections})"
            )
        return self

    @model_validator(mode="after")
    def _talk_to_google_safely(self) -> Self:
        if bool(self.google_client_id) != bool(self.google_client_secret):
            raise ValueError("GOOGLE_CLIENT_ID and GOOGLE_CLIENT_SECRET go together")
        if self.google_issuer.startswith("http:") and (self.is_production or not is_loopback(self.google_issuer)):
            raise ValueError("GOOGLE_ISSUER must be https (http only on loopback, outside production)")
        return self

    @property
    def is_production(self) -> bool:
        return self.environment == "production"

    @property
    def sqlite_file(self) -> Path | None:
        return database_urls.sqlite_file(self.database_url.get_secret_value(), ROOT)

    @property
    def simulator_url(self) -> str:
        return _simulator_url(self.simulator_port)


Kind = TypeVar("Kind", bound=Stage)


@lru_cache
def get_settings() -> Settings:
    """The one settings object of this process. Wrong settings end the process, naming variables but never values."""
    return _read(Settings)


def read_environment() -> str:
    """ENVIRONMENT alone, whatever the other settings are. Ends the process as `get_settings` does."""
    return _read(Stage).environment


def _read(kind: type[Kind]) -> Kind:
    try:
        return kind()
    except ValidationError as error:
        lines = _explain(error)
        if len(lines) == 1:
            sys.exit(f"Liftoff cannot start with this setting: {lines[0]}")
        sys.exit("\n  ".join(["Liftoff cannot start with these settings:", *lines]))
    except UnicodeDecodeError:
        sys.exit(f"{ENV_FILE} is no UTF-8 text: save it as UTF-8, or remove it and `make dev` writes another one.")
    except OSError as error:
        sys.exit(f"{ENV_FILE} cannot be read: {error.strerror}. Make it readable for the user that runs this.")


def _explain(error: ValidationError) -> list[str]:
    lines = []
    for problem in error.errors(include_input=False, include_url=False, include_context=True):
        cause = problem.get("ctx", {}).get("error")
        if isinstance(cause, production.Unsafe):
            lines += [f"{name}: {why}" for name, why in cause.problems]
            continue
        name = str(problem["loc"][0]).upper() if problem["loc"] else "settings"
        why = str(cause) if isinstance(cause, ValueError) else problem["msg"]
        lines.append(f"{name}: {_without_a_key() if (name, problem['type']) == ('SECRET_KEY', 'missing') else why}")
    return lines


def _without_a_key() -> str:
    if ENV_FILE.is_dir():
        return "is not set, and .env is a folder: remove it, and `make dev` writes the file"
    if ENV_FILE.exists():
        return f"is not set, in .env or elsewhere; {production.NEW_KEY}, or remove .env and `make dev` writes another"
    return "is not set: `make dev` writes a .env for development; in production set the variables of .env.example"
