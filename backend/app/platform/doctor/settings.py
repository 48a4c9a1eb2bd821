"""The check of the settings. Invalid settings are reported before any check runs."""

from app.core import combinations, risks
from app.core.config import get_settings

from . import Finding, State, check, ok, warning
from .running import Row

NAME = "settings"


@check(NAME)
def settings() -> Finding:
    """Report settings that are probably a mistake, and accepted risks."""
    current = get_settings()
    doubts = [f"{variable} {why}." for variable, why in combinations.doubtful_settings(current)]
    if doubts:
        return warning(" ".join(doubts), "Change these settings, unless they are intended.")
    accepted = ", ".join(risk.name for risk in risks.accepted_risks(current))
    strict = "as strictly as in production" if current.is_deployed else "for development"
    detail = f"The settings are valid. They were checked {strict}."
    return ok(f"{detail} Accepted risks: {accepted}." if accepted else detail)


def invalid_settings(message: str) -> Row:
    """Return the row for settings that prevent every process from starting."""
    remedy = "Correct these settings. Nothing else can be checked before."
    return Row(NAME, State.FAILURE, message, remedy, 0.0)
