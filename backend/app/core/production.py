"""Checks on the settings of a deployment.

A deployment is staging or production.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from app.core import combinations, risks
from app.core.networks import is_local

if TYPE_CHECKING:
    from collections.abc import Iterator

    from app.core.setting_fields import SettingFields

# Minimum number of different characters in SECRET_KEY. `aaaa…` and `changeme…` have
# fewer. Any random key of 32 characters has more.
MIN_DISTINCT = 12
NEW_KEY = 'make one with: python3 -c "import secrets; print(secrets.token_urlsafe(48))"'
# Words that reveal an example value that was never replaced.
PLACEHOLDER = re.compile(
    r"change|secret|example|default|your|insecure|placeholder|password", re.IGNORECASE
)
LIVE_KEY = re.compile(r"[sr]k_live_\w{8,}", re.ASCII)
TEST_KEY = re.compile(r"[sr]k_test_\w{8,}")
WEBHOOK_SECRET = re.compile(r"whsec_[\w+/=]{8,}")
MIN_HASH_KIB = 19_456  # OWASP's minimum for argon2id with two passes
GUESSABLE = {
    "",
    "postgres",
    "password",
    "root",
    "admin",
    "liftoff",
    "secret",
    "example",
    "changeme",
    "test",
}


class Unsafe(ValueError):
    """Invalid settings, as pairs of a variable and a reason, without values."""

    def __init__(self, problems: list[tuple[str, str]]) -> None:
        super().__init__(", ".join(name for name, _ in problems))
        self.problems = problems


def check_production_settings(settings: SettingFields) -> None:
    """Raise one `Unsafe` with all problems, if there are any."""
    problems = list(combinations.contradicting_settings(settings))
    if settings.is_deployed:
        problems += [*_weaknesses(settings), *risks.refused_risks(settings)]
    if problems:
        raise Unsafe(problems)


def check_database(settings: SettingFields) -> None:
    """Raise `Unsafe` if a deployment must not use this database.

    For migrations, this is the only check.
    """
    problems = (
        list(_database_problems(settings.database_url.get_secret_value()))
        if settings.is_deployed
        else []
    )
    if problems:
        raise Unsafe(problems)


def _weaknesses(s: SettingFields) -> Iterator[tuple[str, str]]:
    yield from _key_problems(s)
    yield from _database_problems(s.database_url.get_secret_value())
    for url in s.database_replica_urls:
        yield from _database_problems(url.get_secret_value(), "DATABASE_REPLICA_URLS")
    for name in ("public_url", "frontend_url"):
        url = getattr(s, name)
        if not url:
            yield name.upper(), "is required"
        elif url.startswith("http:"):
            yield name.upper(), "must be https"
    yield from _mail_problems(s)
    if not s.allowed_hosts or "*" in s.allowed_hosts:
        yield "ALLOWED_HOSTS", "must name the hosts that this API serves; it must not be empty or *"
    if any("*" in origin or not origin.startswith("https://") for origin in s.cors_origins):
        yield "CORS_ORIGINS", "must contain only https origins, without *"
    if s.password_hash_kib < MIN_HASH_KIB:
        yield "PASSWORD_HASH_KIB", f"must be at least {MIN_HASH_KIB}"
    if s.payments_enabled:
        yield from _stripe_problems(s)


def _key_problems(s: SettingFields) -> Iterator[tuple[str, str]]:
    if _is_guessable(s.secret_key.get_secret_value()):
        yield "SECRET_KEY", f"is guessable; {NEW_KEY}"
    if s.secret_key_previous and _is_guessable(s.secret_key_previous.get_secret_value()):
        yield (
            "SECRET_KEY_PREVIOUS",
            "is guessable, and with it anyone could sign in as any user; leave it out",
        )
    if s.backup_key and _is_guessable(s.backup_key.get_secret_value()):
        yield "BACKUP_KEY", f"is guessable; {NEW_KEY}"


def _is_guessable(key: str) -> bool:
    return len(set(key)) < MIN_DISTINCT or PLACEHOLDER.search(key) is not None


def _database_problems(url: str, name: str = "DATABASE_URL") -> Iterator[tuple[str, str]]:
    try:
        parts = urlsplit(url)
    except ValueError:
        yield name, "is not a URL"
        return
    if parts.scheme.startswith("sqlite"):
        yield (
            name,
            "is required; use PostgreSQL or MySQL, as SQLite is for development only",
        )
    elif unquote(parts.password or "").lower() in GUESSABLE or parts.password == parts.username:
        yield name, "has an empty or guessable password"


def _mail_problems(s: SettingFields) -> Iterator[tuple[str, str]]:
    for name in ("smtp_host", "mail_from"):
        if not getattr(s, name):
            yield name.upper(), "is required"
    if s.smtp_password and s.smtp_tls == "none":
        yield "SMTP_TLS", "must not be none if SMTP_PASSWORD is set"


def _host(url: str) -> str:
    return urlsplit(url).hostname or ""


def _stripe_problems(s: SettingFields) -> Iterator[tuple[str, str]]:
    key = s.stripe_secret_key.get_secret_value() if s.stripe_secret_key else ""
    if not key:
        yield "STRIPE_SECRET_KEY", "is required (or set PAYMENTS_ENABLED=false)"
    elif s.is_production and not LIVE_KEY.fullmatch(key):
        yield "STRIPE_SECRET_KEY", "is not a live key"
    elif not s.is_production and not TEST_KEY.fullmatch(key):
        yield "STRIPE_SECRET_KEY", "is not a test key: staging must not move real money"
    if not s.stripe_webhook_secret:
        yield "STRIPE_WEBHOOK_SECRET", "is required (or set PAYMENTS_ENABLED=false)"
    elif not all(
        WEBHOOK_SECRET.fullmatch(secret.get_secret_value()) for secret in s.stripe_webhook_secret
    ):
        yield (
            "STRIPE_WEBHOOK_SECRET",
            "must be the whole secret from Stripe, which begins with whsec_",
        )
    if s.stripe_api_base.startswith("http:") and (
        s.is_production or not is_local(_host(s.stripe_api_base))
    ):
        yield (
            "STRIPE_API_BASE",
            "must be https; http is allowed only in staging, for a simulator on a private network",
        )
