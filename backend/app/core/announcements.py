"""Log records about the settings, written at startup.

There is a record for each accepted risk, and for each setting that is probably a
mistake. In staging, another record says that this is staging.
"""

import os

from app.core import combinations, risks
from app.core.config import Settings
from app.core.logging import get_logger

SAID_BY = "LIFTOFF_SETTINGS_SAID_BY"  # id of the process that has written the records


def announce(settings: Settings) -> None:
    """Write the records, unless the parent process has already written them."""
    if os.environ.get(SAID_BY) == str(os.getppid()):
        return
    log = get_logger("app.settings")
    if settings.environment == "staging":
        log.warning(
            "staging",
            message="THIS IS STAGING. It behaves like production, except that Stripe is in test "
            "mode.",
        )
    for risk in risks.accepted_risks(settings):
        log.warning("risk_accepted", risk=risk.name, message=f"{risk.variable} {risk.danger}.")
    for variable, reason in combinations.doubtful_settings(settings):
        log.warning("setting_doubtful", variable=variable, message=f"{variable} {reason}.")


def announce_for_children(settings: Settings) -> None:
    """Write the records once for this process and all processes that it starts.

    This includes processes that are started later, in place of processes that have
    ended.
    """
    announce(settings)
    os.environ[SAID_BY] = str(os.getpid())
