"""Columns that tables share."""

from datetime import datetime
from typing import ClassVar

from sqlalchemy.orm import Mapped, mapped_column

from . import clock


class Timestamps:
    """The times at which a row was created and last changed.

    The times come from the clock of the database, because lists are sorted by these
    times.
    """

    __mapper_args__: ClassVar = {
        "eager_defaults": True
    }  # an UPDATE returns the new `updated_at`, except on MySQL

    created_at: Mapped[datetime] = mapped_column(default=clock.now())
    updated_at: Mapped[datetime] = mapped_column(default=clock.now(), onupdate=clock.now())
