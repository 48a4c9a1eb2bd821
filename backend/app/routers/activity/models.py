"""The table of timelines, unless they are in MongoDB."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from app.db.database import Base
from app.db.types import PrimaryKey

MAX_WORDS = 700  # characters; a summary has at most 300, but folding turns some letters into two


class Activity(Base):
    """An event in a user's timeline. Its id is the id of its entry in the outbox.

    `words` holds the words of the summary for searching. As in the outbox, there is no
    foreign key to the user. A job erases the events of a deleted account.
    """

    __tablename__ = "activities"
    __table_args__ = (
        Index(None, "user_id", "id"),
        Index(None, "user_id", "kind", "id"),
        Index(None, "user_id", "created_at", "kind"),
    )

    id: Mapped[PrimaryKey] = mapped_column(autoincrement=False)
    user_id: Mapped[int]
    kind: Mapped[str] = mapped_column(String(40))
    summary: Mapped[str] = mapped_column(String(300))
    words: Mapped[str] = mapped_column(String(MAX_WORDS))
    data: Mapped[dict[str, Any]] = mapped_column(JSON)
    created_at: Mapped[datetime] = mapped_column(index=True)
