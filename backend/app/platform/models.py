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

from .queues.leases import Leased

# Longer than any request takes. If the server crashes during a request, the key of the
# request is free again after this time.
LEASE = timedelta(seconds=60)


class IdempotencyKey(Base):
    """The Idempotency-Key of a request. `answer` is null while the request runs."""

    __tablename__ = "idempotency_keys"

    id: Mapped[PrimaryKey]
    digest: Mapped[str] = mapped_column(String(64), unique=True)  # of caller, method, path and key
    fingerprint: Mapped[str] = mapped_column(String(64))  # of query, media type and body
    answer: Mapped[bytes | None] = mapped_column(
        LargeBinary().with_variant(mysql.MEDIUMBLOB(), "mysql")
    )  # encrypted
    created_at: Mapped[datetime] = mapped_column(default=clock.now())
    expires_at: Mapped[datetime] = mapped_column(default=clock.now(LEASE), index=True)


class Priority(IntEnum):
    """The order in which a worker sends emails."""

    LINK = 0  # a user is waiting for the link in the email
    NOTICE = 1
    HELD_BACK = 2  # to strangers, beyond MAIL_TO_STRANGERS_PER_HOUR


class Mail(Leased, Base):
    """A rendered email to one address.

    The body is deleted once the email is sent, except in development.
    """

    __tablename__ = "mails"
    __table_args__ = (Index(None, "priority", "due_at", "id"),)
    about: ClassVar = ("recipient", "subject")

    # Empty once the account is deleted.
    recipient: Mapped[str] = mapped_column(String(320), index=True)
    subject: Mapped[str] = mapped_column(String(255))
    body: Mapped[bytes | None] = mapped_column(
        LargeBinary().with_variant(mysql.MEDIUMBLOB(), "mysql")
    )  # encrypted
    # The same at every attempt, so that mailboxes can recognise a duplicate.
    message_id: Mapped[str] = mapped_column(String(320))
    sent_at: Mapped[datetime | None] = mapped_column(index=True)
    # During a deployment, the previous version of the code does not know this column.
    # The server default is for its inserts.
    priority: Mapped[int] = mapped_column(default=Priority.NOTICE, server_default="1")
    # When the link in the email expires. The email is not sent after that.
    useful_until: Mapped[datetime | None]

    @classmethod
    def is_dead_letter(cls) -> ColumnElement[bool]:
        """Match dead letters, except emails whose link expired while they waited.

        Nobody should send an expired email.
        """
        return super().is_dead_letter() & or_(
            cls.useful_until.is_(None), cls.useful_until > cls.dead_at
        )


class Lane(StrEnum):
    """A group of jobs with threads of its own.

    Jobs can delay other jobs in the same lane, but not in other lanes.
    """

    ASKED = "asked"  # jobs that a request or an operator queued
    RECURRING = "recurring"
    OUTSIDE = "outside"  # jobs that wait for outside services


class Job(Leased, Base):
    """A job.

    Its row is deleted when the job is done. A recurring job keeps its row.
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
    """A key, in hexadecimal, that stays the same when `SECRET_KEY` changes
    (`kept_keys.py`).
    """

    __tablename__ = "kept_keys"

    id: Mapped[PrimaryKey]
    purpose: Mapped[str] = mapped_column(String(80), unique=True)
    key: Mapped[str] = mapped_column(String(64))
