"""The place that each named run of batches has reached."""

from datetime import datetime

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from app.db import clock
from app.db.base import Base
from app.db.types import PrimaryKey


class BatchPosition(Base):
    """A named run that has begun and has not finished.

    Each batch changes this row in the transaction of the batch. So the row always has
    the key that the last committed batch has reached. The last batch deletes the row.
    """

    __tablename__ = "batch_positions"

    id: Mapped[PrimaryKey]
    name: Mapped[str] = mapped_column(String(100), unique=True)
    last_key: Mapped[int | None]
    rows_done: Mapped[int] = mapped_column(default=0)
    updated_at: Mapped[datetime] = mapped_column(default=clock.now(), onupdate=clock.now())
