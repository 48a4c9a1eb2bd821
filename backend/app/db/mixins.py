"""Columns that tables share."""

from datetime import datetime

from sqlalchemy.orm import Mapped, mapped_column

from app.db import clock


class Timestamps:
    """When a row was made and last changed, by the database's clock: lists of all hosts are sorted by it."""

    created_at: Mapped[datetime] = mapped_column(default=clock.now())
    updated_at: Mapped[datetime] = mapped_column(default=clock.now(), onupdate=clock.now())
