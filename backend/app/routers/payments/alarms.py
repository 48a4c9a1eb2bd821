"""Alarms about money that an operator has to look at.

Each alarm is one log record at level error, named `payments_alarm`.
"""

from app.core.logging import get_logger

log = get_logger(__name__)


def raise_alarm(what: str, **facts: object) -> None:
    """Log an alarm.

    `what` is one of a few fixed words, for monitoring rules. `facts` hold ids.
    """
    log.error("payments_alarm", alarm=what, **facts)
