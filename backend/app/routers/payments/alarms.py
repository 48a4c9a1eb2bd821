"""Alarms about money, which an operator has to look at.

Each alarm is a log record named `payments_alarm`, at level error.
"""

from app.core.logging import get_logger

log = get_logger(__name__)


def raise_alarm(what: str, **facts: object) -> None:
    """Log an alarm.

    `what` is one of a few fixed words, so that monitoring can match it. `facts` holds
    ids.
    """
    log.error("payments_alarm", alarm=what, **facts)
