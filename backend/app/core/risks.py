"""Risky combinations of settings that a deployment refuses unless its operator accepts
them.

Each of the combined settings is safe on its own. The operator lists accepted risks in
ACCEPT_RISKS. Accepted risks are logged at startup (see `announcements.py`).
`combinations.py` and `production.py` contain the problems that cannot be accepted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from app.core.networks import is_local

if TYPE_CHECKING:
    from app.core.setting_fields import SettingFields


@dataclass(frozen=True)
class Risk:
    """A risk that an operator can accept.

    `name` is what the operator writes in ACCEPT_RISKS. `danger` completes a sentence
    that begins with the name of the variable.
    """

    name: str
    variable: str
    danger: str
    remedy: str
    is_run: Callable[[SettingFields], bool]


RISKS = (
    Risk(
        "no_proxy",
        "TRUSTED_PROXIES",
        "is empty: all visitors who come through a proxy share its address, and 50 wrong "
        "passwords from one of them lock everyone out",
        "List the proxy's addresses",
        lambda s: not s.trusted_proxies,
    ),
    Risk(
        "local_limits",
        "REDIS_URL",
        "is empty while WEB_CONCURRENCY is above 1: each process counts separately, so every "
        "limit is multiplied",
        "Set REDIS_URL, or WEB_CONCURRENCY=1",
        lambda s: s.web_concurrency > 1 and s.redis_url is None,
    ),
    Risk(
        "clear_mail",
        "SMTP_TLS",
        "is none while SMTP_HOST is on another network: links that reset passwords are sent "
        "unencrypted",
        "Set it to starttls or ssl",
        lambda s: s.smtp_tls == "none" and s.smtp_host is not None and not is_local(s.smtp_host),
    ),
    Risk(
        "public_metrics",
        "METRICS_ENABLED",
        "is true without METRICS_PORT: anyone who can reach this API can read its metrics",
        "Set METRICS_PORT, which serves metrics on a separate port",
        lambda s: bool(s.metrics_enabled) and s.metrics_port is None,
    ),
)


def refused_risks(settings: SettingFields) -> Iterator[tuple[str, str]]:
    """Yield the variable and reason for each risk that is present but not accepted."""
    for risk in RISKS:
        if risk.is_run(settings) and risk.name not in settings.accept_risks:
            yield (
                risk.variable,
                f"{risk.danger}. {risk.remedy}, or accept it: ACCEPT_RISKS={risk.name}",
            )


def accepted_risks(settings: SettingFields) -> Iterator[Risk]:
    """Yield each risk that is present and accepted."""
    for risk in RISKS:
        if risk.is_run(settings) and risk.name in settings.accept_risks:
            yield risk
