"""Combinations of settings that contradict each other or are probably wrong.

`contradicting_settings` yields combinations that are always wrong, and that no
environment accepts. `doubtful_settings` yields combinations that are probably a
mistake, but may be intended. Startup logs the doubtful ones as warnings. Both functions
yield pairs of a variable and a reason. The pairs never contain a secret.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from app.core import database_urls
from app.core.networks import is_local, is_loopback

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydantic import SecretStr

    from app.core.setting_fields import SettingFields

STRIPE = "api.stripe.com"
IN_THE_CLEAR = {"sslmode": {"disable", "allow"}, "ssl_disabled": {"true", "1", "yes", "on"}}
SECURE_PORT, SUBMISSION_PORTS = 465, {25, 587}
MOST_OF_MEMORY = 0.5
KIB = 1024


def contradicting_settings(s: SettingFields) -> Iterator[tuple[str, str]]:
    """Yield combinations that are always wrong, with the reasons."""
    connections = s.database_pool_size + s.database_max_overflow
    # With fewer threads than connections, some connections would never be used
    # (`app/core/admission.py`)
    if s.worker_threads < connections:
        yield (
            "WORKER_THREADS",
            (
                f"({s.worker_threads}) must be at least DATABASE_POOL_SIZE + DATABASE_MAX_OVERFLOW "
                f"({connections})"
            ),
        )
    yield from _replica_contradictions(s)
    if bool(s.google_client_id) != bool(s.google_client_secret):
        yield "GOOGLE_CLIENT_ID", "must be set together with GOOGLE_CLIENT_SECRET"
    if s.google_issuer.startswith("http:") and (s.is_deployed or not is_loopback(s.google_issuer)):
        yield (
            "GOOGLE_ISSUER",
            "must be https; http is allowed only on loopback, in development and tests",
        )
    if bool(s.smtp_username) != bool(s.smtp_password):
        yield "SMTP_USERNAME", "must be set together with SMTP_PASSWORD"
    others = [key.get_secret_value() for key in (s.secret_key, s.secret_key_previous) if key]
    if s.backup_key and s.backup_key.get_secret_value() in others:
        yield (
            "BACKUP_KEY",
            "must differ from SECRET_KEY: anyone who learns one of them must not have the other",
        )
    if s.metrics_port == s.port:
        yield "METRICS_PORT", "must differ from PORT"
    stays_here = not s.is_deployed and is_loopback(s.stripe_api_base)
    if has_live_key(s) and not reaches_stripe(s) and not stays_here:
        yield (
            "STRIPE_API_BASE",
            f"must be https://{STRIPE}, because a live key must not be sent anywhere else",
        )


def _replica_contradictions(s: SettingFields) -> Iterator[tuple[str, str]]:
    name = "DATABASE_REPLICA_URLS"
    primary = s.database_url.get_secret_value()
    given = [url.get_secret_value() for url in s.database_replica_urls]
    if given and not database_urls.is_postgresql(primary):
        yield name, "needs PostgreSQL in DATABASE_URL: other databases have no replicas here"
    elif not all(map(database_urls.is_postgresql, given)):
        yield name, "must contain only URLs of PostgreSQL, the database that they copy"
    elif primary in given:
        yield name, "contains DATABASE_URL itself: name the servers that copy it"
    elif len(set(given)) < len(given):
        yield name, "names a server twice"


def has_live_key(s: SettingFields) -> bool:
    """Return whether the Stripe key is a live key, with which real money moves."""
    return (
        s.stripe_secret_key is not None and "_live_" in s.stripe_secret_key.get_secret_value()[:12]
    )


def reaches_stripe(s: SettingFields) -> bool:
    """Return whether calls go to Stripe itself rather than to a simulator."""
    parts = urlsplit(s.stripe_api_base.lower())
    return parts.scheme == "https" and parts.netloc in (STRIPE, f"{STRIPE}:443") and not parts.path


def doubtful_settings(s: SettingFields) -> Iterator[tuple[str, str]]:
    """Yield combinations that are probably a mistake."""
    yield from _deployment_doubts(s) if s.is_deployed else _development_doubts(s)
    wrong = {"starttls": {SECURE_PORT}, "ssl": SUBMISSION_PORTS}.get(s.smtp_tls, set())
    if s.smtp_host and s.smtp_port in wrong:
        yield (
            "SMTP_TLS",
            "rarely fits SMTP_PORT: port 465 needs ssl, ports 25 and 587 need starttls",
        )
    if s.api_prefix and urlsplit(s.public_url or "").path.endswith(s.api_prefix):
        yield (
            "PUBLIC_URL",
            "ends with API_PREFIX, so links contain that path twice: remove it from one of the two",
        )


def _development_doubts(s: SettingFields) -> Iterator[tuple[str, str]]:
    if s.environment != "development":
        return
    if not is_loopback(f"http://[{s.host}]" if ":" in s.host else f"http://{s.host}"):
        yield (
            "HOST",
            "is reachable from other machines: they can read the mailbox and use the demo accounts",
        )
    if not is_local(database_urls.database_host(s.database_url.get_secret_value())):
        yield (
            "DATABASE_URL",
            "is on another network: `make dev` loads demo accounts with a known password into it",
        )
    if has_live_key(s):
        yield "STRIPE_SECRET_KEY", "is a live key: payments made in development move real money"


def _deployment_doubts(s: SettingFields) -> Iterator[tuple[str, str]]:
    yield from _address_doubts(s)
    yield from _network_doubts(s)
    if s.log_level == "debug":
        yield "LOG_LEVEL", "is debug: libraries then log a lot, and may log secrets"
    needed = s.password_hash_kib * KIB * (os.cpu_count() or 1) * s.web_concurrency
    if needed > MOST_OF_MEMORY * os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"):
        yield (
            "PASSWORD_HASH_KIB",
            "times CPUs times WEB_CONCURRENCY is more than half of this machine's memory",
        )


def _address_doubts(s: SettingFields) -> Iterator[tuple[str, str]]:
    """Yield doubts about PUBLIC_URL, FRONTEND_URL, ALLOWED_HOSTS and CORS_ORIGINS.

    These four settings must agree on the hosts. Otherwise requests or cookies are
    refused, or links in emails lead to the wrong host.
    """
    api, frontend = urlsplit(s.public_url or ""), urlsplit(s.frontend_url or "")
    if not _is_allowed(api.hostname or "", s.allowed_hosts):
        yield (
            "ALLOWED_HOSTS",
            (
                "does not include the host of PUBLIC_URL: unless a proxy changes Host, "
                "browsers get 400"
            ),
        )
    if (
        api.netloc != frontend.netloc
        and f"{frontend.scheme}://{frontend.netloc}".lower() not in s.cors_origins
    ):
        yield (
            "CORS_ORIGINS",
            "does not include the origin of FRONTEND_URL: its pages cannot read our responses",
        )
    if _site(api.hostname) != _site(frontend.hostname):
        yield (
            "FRONTEND_URL",
            (
                "is on another site than PUBLIC_URL: browsers that block third-party cookies sign "
                "users out"
            ),
        )
    for name, url in (("PUBLIC_URL", s.public_url), ("FRONTEND_URL", s.frontend_url)):
        if url and is_loopback(url):
            yield name, "is a loopback address: links in emails lead readers to their own machine"


def _network_doubts(s: SettingFields) -> Iterator[tuple[str, str]]:
    databases = [("DATABASE_URL", s.database_url)]
    databases += [("DATABASE_REPLICA_URLS", url) for url in s.database_replica_urls]
    for name in sorted({name for name, url in databases if _is_in_the_clear(url)}):
        yield (
            name,
            (
                "does not use TLS, and the database is on another network: anyone in between can "
                "read the data"
            ),
        )
    redis = urlsplit(s.redis_url.get_secret_value()) if s.redis_url else None
    if redis and redis.scheme == "redis" and not is_local(redis.hostname or ""):
        yield (
            "REDIS_URL",
            (
                "does not use TLS, and Redis is on another network: anyone in between can "
                "forge rate limits. Use rediss://"
            ),
        )

    broker = urlsplit(s.celery_broker_url.get_secret_value()) if s.celery_broker_url else None
    if broker and broker.scheme in ("amqp", "redis") and not is_local(broker.hostname or ""):
        yield (
            "CELERY_BROKER_URL",
            (
                "does not use TLS, and the broker is on another network: anyone in between can "
                "read its password. Use amqps:// or rediss://"
            ),
        )


def _is_in_the_clear(url: SecretStr) -> bool:
    """Return whether a database is on another network and is used without TLS."""
    options = database_urls.driver_options(url.get_secret_value())
    clear = any(value.lower() in IN_THE_CLEAR.get(name, ()) for name, value in options)
    return clear and not is_local(database_urls.database_host(url.get_secret_value()))


def _is_allowed(host: str, allowed: list[str]) -> bool:
    host = f"[{host}]" if ":" in host else host
    return any(
        host == name.lower() or (name.startswith("*.") and host.endswith(name[1:].lower()))
        for name in allowed
    )


def _site(host: str | None) -> str:
    """Return the last two labels of a host name.

    Two hosts with different results are certainly on different sites, even though this
    ignores the list of public suffixes.
    """
    return ".".join((host or "").split(".")[-2:])
