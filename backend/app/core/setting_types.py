"""The types of the settings, which parse the values and refuse invalid ones."""

import re
from typing import Annotated
from urllib.parse import parse_qsl, urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr
from pydantic_settings import NoDecode

from app.core import database_urls
from app.core.mail_settings import canonical_mail_server, canonical_sender, check_credential
from app.core.networks import (
    canonical_url,
    check_header_name,
    check_host,
    check_network,
    check_origin,
)

RISKS = (
    "no_proxy",
    "local_limits",
    "clear_mail",
    "public_metrics",
)  # described in `app/core/risks.py`
VISIBLE_ASCII = re.compile(r"[!-~]+")
URL = re.compile(r"https?://[^/?#@\s]+(/[^?#\s]*)?")
PREFIX = re.compile(r"(/[a-z0-9._-]+)*")
# Options in REDIS_URL that would override the short timeout in `app/core/redis.py`.
# Requests could then wait longer.
WAITING = {
    "socket_timeout",
    "socket_connect_timeout",
    "retry_on_timeout",
    "retry_on_error",
    "timeout",
}
DSN = re.compile(r"https?://\w+(?::\w+)?@[\w.:\[\]-]+/(?:[\w-]+/)*\d+")


def _prefix(path: str) -> str:
    if not PREFIX.fullmatch(path):
        raise ValueError("must be a path in lower case, such as /api/v1")
    return path


def _split(value: object) -> object:
    """Split a comma-separated list."""
    return (
        [item.strip() for item in value.split(",") if item.strip()]
        if isinstance(value, str)
        else value
    )


comma_separated = BeforeValidator(_split)


def _bare(url: str) -> str:
    """Return a URL as browsers write it, without a trailing slash.

    The result can be compared with other settings and with the `Origin` header. Raises
    `ValueError` for anything but a URL with a host.
    """
    try:
        if URL.fullmatch(url):
            return canonical_url(url).rstrip("/")
    except ValueError:
        pass
    raise ValueError("must be a URL such as https://www.example.com")


def _key(key: SecretStr) -> SecretStr:
    """Refuse a key that cannot be sent in a header.

    Copying a key often adds quotation marks or white space.
    """
    if not VISIBLE_ASCII.fullmatch(key.get_secret_value()):
        raise ValueError("must be one word of ASCII characters, as Stripe shows it")
    return key


def _redis(url: SecretStr) -> SecretStr:
    """Refuse a URL that Redis cannot use.

    Because of this check, startup fails with an error that names the variable. Without
    it, the first request with a rate limit would fail.
    """
    try:
        parts = urlsplit(url.get_secret_value())
        usable = parts.scheme in ("redis", "rediss") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise ValueError(
            "must be a URL such as redis://:password@host:6379/0, or rediss:// with TLS"
        )
    if WAITING & {name for name, _ in parse_qsl(parts.query)}:
        raise ValueError("must not say how long to wait: no request may wait long for Redis")
    return url


def _sentry(dsn: SecretStr) -> SecretStr:
    if not DSN.fullmatch(dsn.get_secret_value()):
        raise ValueError("must be the DSN of a project, such as https://key@sentry.example.com/1")
    return dsn


def _database(url: SecretStr) -> SecretStr:
    database_urls.check_database_url(url.get_secret_value())
    return url


def _mongodb(url: SecretStr) -> SecretStr:
    database_urls.check_mongodb_url(url.get_secret_value())
    return url


def _risk(value: str) -> str:
    """Return the name of a risk.

    For anything else, raises `ValueError` with the list of names.
    """
    if value not in RISKS:
        raise ValueError(f"must contain only these names: {', '.join(RISKS)}")
    return value


Hosts = Annotated[list[Annotated[str, AfterValidator(check_host)]], NoDecode, comma_separated]
Networks = Annotated[list[Annotated[str, AfterValidator(check_network)]], NoDecode, comma_separated]
Origins = Annotated[list[Annotated[str, AfterValidator(check_origin)]], NoDecode, comma_separated]
Risks = Annotated[list[Annotated[str, AfterValidator(_risk)]], NoDecode, comma_separated]
HeaderNames = Annotated[
    list[Annotated[str, AfterValidator(check_header_name)]], NoDecode, comma_separated
]
Secrets = Annotated[list[SecretStr], NoDecode, comma_separated]
DatabaseUrl = Annotated[SecretStr, AfterValidator(_database)]
DatabaseUrls = Annotated[list[DatabaseUrl], NoDecode, BeforeValidator(_split)]
MongoDbUrl = Annotated[SecretStr, AfterValidator(_mongodb)]
SentryDsn = Annotated[SecretStr, AfterValidator(_sentry)]
RedisUrl = Annotated[SecretStr, AfterValidator(_redis)]
Sender = Annotated[str, AfterValidator(canonical_sender)]
MailServer = Annotated[str, AfterValidator(canonical_mail_server)]
MailUser = Annotated[str, AfterValidator(check_credential)]
MailPassword = Annotated[SecretStr, AfterValidator(check_credential)]
Port = Annotated[int, Field(ge=1, le=65535)]
Prefix = Annotated[str, AfterValidator(_prefix)]
Url = Annotated[str, AfterValidator(_bare)]
Key = Annotated[SecretStr, AfterValidator(_key)]
