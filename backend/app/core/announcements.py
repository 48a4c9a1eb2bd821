"""What a start says of its settings, in one line each: staging, risks that were accepted, and what looks unmeant."""

import os

from app.core import combinations, risks
from app.core.config import Settings
from app.core.logging import get_logger

SAID_BY = "LIFTOFF_SETTINGS_SAID_BY"  # a process id


def announce(settings: Settings) -> None:
    """Write the lines, unless the parent of this process has written them for all its children."""
    if os.environ.get(SAID_BY) == str(os.getppid()):
        return
    log = get_logger("app.settings")
    if settings.environment == "staging":
        log.warning("staging", message="THIS IS STAGING: production in everything but Stripe, which is in test mode.")
    for risk in risks.accepted(settings):
        log.warning("risk_accepted", risk=risk.name, message=f"{risk.variable} {risk.danger}.")
    for variable, reason in combinations.doubts(settings):
        log.warning("setting_doubtful", variable=variable, message=f"{variable} {reason}.")


def announce_for_children(settings: Settings) -> None:
    """Write the lines once for all processes that this one starts, those that it replaces included."""
    announce(settings)
    os.environ[SAID_BY] = str(os.getpid())
