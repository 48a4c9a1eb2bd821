"""Tables of the platform."""

from datetime import datetime, timedelta
from enum import IntEnum, StrEnum
from typing import Any, ClassVar

from sqlalchemy import JSON, ColumnElement, Index, LargeBinary, String, or_
from sqlalchemy.dialects import mysql
from sqlalchemy.orm import Mapped, mapped_column

from app.db import clock
from app.db.base import Base
from app.db.types import PrimaryKey

from .leases import Leased

# The lease of a key is longer than any request takes. After a crash, the key is free
# again when the lease ends.
LEASE = timedelta(seconds=60)


class IdempotencyKey(Base):
    """A request that must take effect only once. `answer` is null while it runs."""

    __tablename__ = "idempotency_keys"

    id: Mapped[PrimaryKey]
    digest: Mapped[str] = mapped_column(String(64), unique=True)  # of caller, method, path and key
    fingerprint: Mapped[str] = mapped_column(String(64))  # of what was sent
    answer: Mapped[bytes | None] = mapped_column(
        LargeBinary().with_variant(mysql.MEDIUMBLOB(), "mysql")
    )  # encrypted
    created_at: Mapped[datetime] = mapped_column(default=clock.now())
    expires_at: Mapped[datetime] = mapped_column(default=clock.now(LEASE), index=True)


class Priority(IntEnum):
    """The order in which a worker sends emails."""

    LINK = 0  # someone is waiting for the link in it
    NOTICE = 1
    HELD_BACK = 2  # to an address without an account, above MAIL_TO_STRANGERS_PER_HOUR


class Mail(Leased, Base):
    """A rendered email to one address. Its body is deleted once it is sent, except in
    development.
    """

    __tablename__ = "mails"
    __table_args__ = (Index(None, "priority", "due_at", "id"),)
    about: ClassVar = ("recipient", "subject")

    # This is empty if the account was deleted.
    recipient: Mapped[str] = mapped_column(String(320), index=True)
    subject: Mapped[str] = mapped_column(String(255))
    body: Mapped[bytes | None] = mapped_column(
        LargeBinary().with_variant(mysql.MEDIUMBLOB(), "mysql")
    )  # encrypted
    # The id is identical at every attempt, so that mailboxes recognise a duplicate.
    message_id: Mapped[str] = mapped_column(String(320))
    sent_at: Mapped[datetime | None] = mapped_column(index=True)
    # The database has defaults for code that is one version older and does not know
    # these columns.
    priority: Mapped[int] = mapped_column(default=Priority.NOTICE, server_default="1")
    # The link in the email expires at this time. Later the email is not sent.
    useful_until: Mapped[datetime | None]

    @classmethod
    def is_dead_letter(cls) -> ColumnElement[bool]:
        """Exclude emails that became useless while they waited: nobody should send them
        now.
        """
        return super().is_dead_letter() & or_(
            cls.useful_until.is_(None), cls.useful_until > cls.dead_at
        )


class Lane(StrEnum):
    """A group of jobs that may delay each other.

    Each lane has threads of its own, so a full lane delays no other.
    """

    ASKED = "asked"  # someone requested this and may be waiting for it
    RECURRING = "recurring"
    OUTSIDE = "outside"  # jobs that wait for outside services


class Job(Leased, Base):
    """A piece of work. Its row is deleted when it is done, or due again if it
    recurs.
    """

    __tablename__ = "jobs"
    __table_args__ = (Index(None, "lane", "due_at", "id"),)
    when_dead: ClassVar = {"key": None}
    about: ClassVar = ("kind",)

    kind: Mapped[str] = mapped_column(String(80))
    payload: Mapped[dict[str, Any]] = mapped_column(JSON)
    key: Mapped[str | None] = mapped_column(String(160), unique=True)
    lane: Mapped[str] = mapped_column(String(16), default=Lane.ASKED, server_default=Lane.ASKED)


class KeptKey(Base):
    """A key that outlives `SECRET_KEY` (`kept_keys.py`), in hexadecimal."""

    __tablename__ = "kept_keys"

    id: Mapped[PrimaryKey]
    purpose: Mapped[str] = mapped_column(String(80), unique=True)
    key: Mapped[str] = mapped_column(String(64))
