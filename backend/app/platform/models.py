"""Tables of the platform."""

from datetime import datetime, timedelta
from typing import Any, ClassVar

from sqlalchemy import JSON, LargeBinary, String
from sqlalchemy.dialects import mysql
from sqlalchemy.orm import Mapped, mapped_column

from app.db import clock
from app.db.base import Base
from app.db.types import PrimaryKey

from .leases import Leased

LEASE = timedelta(seconds=60)  # of a key: longer than any request may take; then a crashed one no longer blocks it


class IdempotencyKey(Base):
    """A request that must have its effect once. `answer` is null while it runs."""

    __tablename__ = "idempotency_keys"

    id: Mapped[PrimaryKey]
    digest: Mapped[str] = mapped_column(String(64), unique=True)  # of caller, method, path and key
    fingerprint: Mapped[str] = mapped_column(String(64))  # of what was sent
    answer: Mapped[bytes | None] = mapped_column(LargeBinary().with_variant(mysql.MEDIUMBLOB(), "mysql"))  # encrypted
    created_at: Mapped[datetime] = mapped_column(default=clock.now())
    expires_at: Mapped[datetime] = mapped_column(default=clock.now(LEASE), index=True)


class Mail(Leased, Base):
    """A mail, rendered, to one address. Once it is sent its body is wiped, except in development."""

    __tablename__ = "mails"
    about: ClassVar = ("recipient", "subject")

    recipient: Mapped[str] = mapped_column(String(320), index=True)  # empty: of an account that is no more
    subject: Mapped[str] = mapped_column(String(255))
    body: Mapped[bytes | None] = mapped_column(LargeBinary().with_variant(mysql.MEDIUMBLOB(), "mysql"))  # encrypted
    message_id: Mapped[str] = mapped_column(String(320))  # the same at every try, so that mailboxes know a repetition
    sent_at: Mapped[datetime | None] = mapped_column(index=True)


class Job(Leased, Base):
    """Something to be done. The row is gone when it is; one that recurs is due again."""

    __tablename__ = "jobs"
    when_dead: ClassVar = {"key": None}
    about: ClassVar = ("kind",)

    kind: Mapped[str] = mapped_column(String(80))
    payload: Mapped[dict[str, Any]] = mapped_column(JSON)
    key: Mapped[str | None] = mapped_column(String(160), unique=True)


class KeptKey(Base):
    """A key that outlives `SECRET_KEY` (`kept_keys.py`), in hexadecimal."""

    __tablename__ = "kept_keys"

    id: Mapped[PrimaryKey]
    purpose: Mapped[str] = mapped_column(String(80), unique=True)
    key: Mapped[str] = mapped_column(String(64))
