"""Something about money that a person has to look at: one log record at level error, named `payments_alarm`."""

from app.core.logging import get_logger

log = get_logger(__name__)


def alarm(what: str, **facts: object) -> None:
    """`what` is one of a few words, for whoever watches the log; facts hold ids."""
    log.error("payments_alarm", alarm=what, **facts)
