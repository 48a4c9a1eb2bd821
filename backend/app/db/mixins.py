"""Columns that tables share."""

from datetime import datetime
from typing import ClassVar

from sqlalchemy.orm import Mapped, mapped_column

from . import clock


class Timestamps:
    """The times at which a row was created and last changed.

    They come from the clock of the database, because lists sort rows of all hosts by
    them.
    """

    __mapper_args__: ClassVar = {
        "eager_defaults": True
    }  # an UPDATE returns its `updated_at`, but not on MySQL

    created_at: Mapped[datetime] = mapped_column(default=clock.now())
    updated_at: Mapped[datetime] = mapped_column(default=clock.now(), onupdate=clock.now())
