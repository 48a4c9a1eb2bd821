"""Columns that tables share."""

from datetime import datetime

from sqlalchemy.orm import Mapped, mapped_column

from app.core.types import now


class Timestamps:
    """When a row was made and last changed."""

    created_at: Mapped[datetime] = mapped_column(default=now)
    updated_at: Mapped[datetime] = mapped_column(default=now, onupdate=now)
