"""Settings that are safe alone and wrong together, which a deployment refuses unless its operator consents by name.

Consent stands in ACCEPT_RISKS, and each start says what was consented to (`announcements.py`). What no consent allows
is in `combinations.py` and `production.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from app.core.networks import is_local

if TYPE_CHECKING:
    from app.core.config import Settings


@dataclass(frozen=True)
class Risk:
    """`name` stands in ACCEPT_RISKS. `danger` completes a sentence that begins with the variable."""

    name: str
    variable: str
    danger: str
    remedy: str
    is_run: Callable[[Settings], bool]


RISKS = (
    Risk(
        "no_proxy",
        "TRUSTED_PROXIES",
        "is empty: visitors who come through a proxy share its address, and 50 wrong passwords by one of them lock "
        "everyone out",
        "List the proxy's addresses",
        lambda s: not s.trusted_proxies,
    ),
    Risk(
        "local_limits",
        "REDIS_URL",
        "is empty while WEB_CONCURRENCY is above 1: each process counts for itself, so every limit is multiplied",
        "Set REDIS_URL, or WEB_CONCURRENCY=1",
        lambda s: s.web_concurrency > 1 and s.redis_url is None,
    ),
    Risk(
        "clear_mail",
        "SMTP_TLS",
        "is none while SMTP_HOST is on another network: links that reset passwords travel in the clear",
        "Set it to starttls or ssl",
        lambda s: s.smtp_tls == "none" and s.smtp_host is not None and not is_local(s.smtp_host),
    ),
    Risk(
        "public_metrics",
        "METRICS_ENABLED",
        "is true without METRICS_PORT: everyone who reaches this API can read its metrics",
        "Set METRICS_PORT, which gives metrics a listener of their own",
        lambda s: bool(s.metrics_enabled) and s.metrics_port is None,
    ),
)
NAMES = [risk.name for risk in RISKS]


def check_name(value: str) -> str:
    """Return the name of a risk. Raises `ValueError` with the list for anything else."""
    if value not in NAMES:
        raise ValueError(f"must hold nothing but {', '.join(NAMES)}")
    return value


def refused(settings: Settings) -> Iterator[tuple[str, str]]:
    """Yield variable and reason of each risk that this deployment runs without consent."""
    for risk in RISKS:
        if risk.is_run(settings) and risk.name not in settings.accept_risks:
            yield risk.variable, f"{risk.danger}. {risk.remedy}, or accept it: ACCEPT_RISKS={risk.name}"


def accepted(settings: Settings) -> Iterator[Risk]:
    """Yield each risk that this deployment runs with consent."""
    for risk in RISKS:
        if risk.is_run(settings) and risk.name in settings.accept_risks:
            yield risk
