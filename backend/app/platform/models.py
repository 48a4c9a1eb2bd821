"""Tables of the platform."""

from datetime import datetime, timedelta
from enum import IntEnum, StrEnum
from typing import Any, ClassVar

from sqlalchemy import JSON, ColumnElement, Index, String, or_
from sqlalchemy.orm import Mapped, mapped_column

from app.db import clock
from app.db.base import Base
from app.db.types import LongBinary, PrimaryKey

from .queues.leases import Leased

# This is longer than any request takes. If the server crashes during a request, the
# request's key is free again after this time.
LEASE = timedelta(seconds=60)


class IdempotencyKey(Base):
    """The Idempotency-Key of a request. `answer` is null while the request runs."""

    __tablename__ = "idempotency_keys"

    id: Mapped[PrimaryKey]
    # digest of the caller, the method, the path and the key
    digest: Mapped[str] = mapped_column(String(64), unique=True)
    fingerprint: Mapped[str] = mapped_column(String(64))  # digest of query, media type and body
    answer: Mapped[bytes | None] = mapped_column(LongBinary)  # encrypted
    created_at: Mapped[datetime] = mapped_column(default=clock.now())
    expires_at: Mapped[datetime] = mapped_column(default=clock.now(LEASE), index=True)


class Priority(IntEnum):
    """The order in which a worker sends emails."""

    LINK = 0  # a user is waiting for the link in the email
    NOTICE = 1
    HELD_BACK = 2  # emails to strangers above MAIL_TO_STRANGERS_PER_HOUR


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
    body: Mapped[bytes | None] = mapped_column(LongBinary)  # encrypted
    # This id stays the same at every attempt, so that mailboxes can recognise a
    # duplicate.
    message_id: Mapped[str] = mapped_column(String(320))
    sent_at: Mapped[datetime | None] = mapped_column(index=True)
    # The server default is needed during a deployment, while the previous version still
    # inserts rows without this column.
    priority: Mapped[int] = mapped_column(default=Priority.NOTICE, server_default="1")
    # When the link in the email expires. The email is not sent after this time.
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
    """A group of jobs that have their own threads.

    Jobs can delay other jobs in the same lane, but not in other lanes.
    """

    ASKED = "asked"  # jobs that a request or an operator queued
    RECURRING = "recurring"
    OUTSIDE = "outside"  # jobs that wait for outside services


class Job(Leased, Base):
    """A queued job.

    The row is deleted when the job is done. A recurring job keeps its row.
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


class ActivityEntry(Base):
    """An entry of the activity outbox (`activity.py`).

    The id of the entry becomes the id in the timeline, so it must never be reused.
    Without AUTOINCREMENT, SQLite would start again at 1 once the outbox is empty. There
    is no foreign key to the user, because a timeline need not be in this database.
    """

    __tablename__ = "activity_outbox"
    __table_args__ = (Index(None, "user_id", "id"), {"sqlite_autoincrement": True})

    id: Mapped[PrimaryKey]
    user_id: Mapped[int]
    kind: Mapped[str] = mapped_column(String(40))
    summary: Mapped[str] = mapped_column(String(300))
    data: Mapped[dict[str, Any]] = mapped_column(JSON)
    created_at: Mapped[datetime] = mapped_column(default=clock.now(), index=True)


class AuditEntry(Base):
    """A change or an export of data by staff (`audit.py`).

    An entry is never changed, and is deleted only by its purge. On PostgreSQL a trigger
    ensures this. The entry contains no email address, because the address could not be
    erased when its account is deleted. There is no foreign key to the actor, because an
    entry must not change when an account is deleted.
    """

    __tablename__ = "audit_entries"
    __table_args__ = (
        Index(None, "target", "id"),
        Index(None, "actor_id", "id"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[PrimaryKey]
    created_at: Mapped[datetime] = mapped_column(default=clock.now(), index=True)
    actor_id: Mapped[int]
    action: Mapped[str] = mapped_column(String(80))  # such as `users.disable`
    target: Mapped[str] = mapped_column(String(80))  # such as `users:7`
    summary: Mapped[str] = mapped_column(String(300))
    # only the columns that changed
    before: Mapped[dict[str, Any]] = mapped_column(JSON)
    after: Mapped[dict[str, Any]] = mapped_column(JSON)
    reason: Mapped[str] = mapped_column(String(500))
    request_id: Mapped[str] = mapped_column(String(64))
