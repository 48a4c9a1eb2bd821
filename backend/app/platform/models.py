"""Tables of the platform."""

from datetime import datetime

from sqlalchemy import LargeBinary, String
from sqlalchemy.dialects import mysql
from sqlalchemy.orm import Mapped, mapped_column

from app.core.types import now
from app.db.base import Base
from app.db.types import PrimaryKey


class IdempotencyKey(Base):
    """A request that must have its effect once. `answer` is null while it runs."""

    __tablename__ = "idempotency_keys"

    id: Mapped[PrimaryKey]
    digest: Mapped[str] = mapped_column(String(64), unique=True)  # of caller, method, path and key
    fingerprint: Mapped[str] = mapped_column(String(64))  # of what was sent
    answer: Mapped[bytes | None] = mapped_column(LargeBinary().with_variant(mysql.MEDIUMBLOB(), "mysql"))  # encrypted
    created_at: Mapped[datetime] = mapped_column(default=now)
    expires_at: Mapped[datetime] = mapped_column(index=True)
