"""Counts the statements of a request or a job, and the time that they take.

The connections of `app/db/drivers` already know when a call begins and ends, because
the watchdog needs this. So counting costs only a fraction of a microsecond per
statement. Listening to SQLAlchemy's events would cost several microseconds.
"""

from contextvars import ContextVar
from typing import Any

# Statements that begin, divide or end a transaction are not counted. Most of them are
# sent together with other statements.
CONTROL = ("SAVE", "RELE", "ROLL", "COMM", "BEGI")


class Tally:
    """The statements of one request or job.

    `seconds` is the time for which the driver has waited for the database, including
    commits. A statement that takes at least `slow_after` seconds is reported.
    """

    __slots__ = ("seconds", "slow_after", "statements")

    def __init__(self, slow_after: float) -> None:
        self.slow_after = slow_after
        self.statements = 0
        self.seconds = 0.0

    def note(self, statement: Any, values: Any, seconds: float) -> None:
        """Count one statement."""
        if isinstance(statement, str) and statement[:4] not in CONTROL:
            self.statements += 1
            if seconds >= self.slow_after:
                self.report(statement, values, seconds)

    def report(self, statement: str, values: Any, seconds: float) -> None:
        """Report a slow statement.

        `values` are its parameters, which are never logged.
        """


current: ContextVar[Tally | None] = ContextVar("statements of this request", default=None)
