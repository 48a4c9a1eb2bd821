"""Refusals of a migration, with several lines of advice."""

from alembic.util import CommandError


class Refused(CommandError):
    """A refusal of a migration. Alembic prints the message.

    `env.py` prints the advice before the message. If Alembic printed the advice, it
    would wrap the lines.
    """

    def __init__(self, message: str, advice: str) -> None:
        super().__init__(message)
        self.advice = advice
