"""Refusals of a migration, with advice of several lines."""

from alembic.util import CommandError


class Refused(CommandError):
    """A refusal of a migration, whose message Alembic prints.

    `env.py` prints the advice before the message, because Alembic would wrap its lines.
    """

    def __init__(self, message: str, advice: str) -> None:
        super().__init__(message)
        self.advice = advice
