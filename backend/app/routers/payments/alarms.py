"""Alarms about money that a person has to look at.

Each is one log record at level error, named `payments_alarm`.
"""

from app.core.logging import get_logger

log = get_logger(__name__)


def alarm(what: str, **facts: object) -> None:
    """Raise an alarm. `what` is one of a few fixed words, for monitoring. `facts` hold
    ids.
    """
    log.error("payments_alarm", alarm=what, **facts)
