"""Tables of auth."""

from datetime import datetime

from sqlalchemy import ColumnElement, ForeignKey, Index, String, UniqueConstraint, text
from sqlalchemy.ext.hybrid import hybrid_property
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.core.text import MAX_EMAIL
from app.db import clock
from app.db.database import Base
from app.db.mixins import Timestamps
from app.db.types import PrimaryKey

# No mail can be delivered there (RFC 2606), and no account can register such an
# address.
NOBODYS = "@deleted.invalid"


class User(Timestamps, Base):
    """An account.

    `username` and `email` are canonical (`app.core.text`): all spellings of a name lead
    to one row.
    """

    __tablename__ = "users"
    # For `pending.py`. Few rows are in this index, or, on MariaDB, which has no partial
    # index, few of its rows are read.
    __table_args__ = (
        Index(
            None,
            "is_active",
            "is_verified",
            "created_at",
            postgresql_where=text("is_active AND is_verified IS false"),
        ),
    )

    id: Mapped[PrimaryKey]
    username: Mapped[str] = mapped_column(String(32), unique=True)
    email: Mapped[str] = mapped_column(String(MAX_EMAIL), unique=True)
    # Null: the user signs in without a password.
    hashed_password: Mapped[str | None] = mapped_column(String(255))
    is_verified: Mapped[bool] = mapped_column(default=False)
    is_active: Mapped[bool] = mapped_column(default=True)
    is_superuser: Mapped[bool] = mapped_column(default=False)

    @hybrid_property
    def is_deleted(self) -> bool:
        """Return whether only the row is left, for what its owner has published.

        A disabled account is not deleted.
        """
        return self.email.endswith(NOBODYS)

    @is_deleted.inplace.expression
    @classmethod
    def _is_deleted(cls) -> ColumnElement[bool]:
        return cls.email.endswith(NOBODYS)


class LoginSession(Base):
    """A sign-in on one device.

    Access tokens name it, so that ending it stops them at once. Nothing that a client
    could present is stored. Refresh tokens are derived from the row and
    `refresh_count`.
    """

    __tablename__ = "login_sessions"
    __table_args__ = (Index(None, "user_id", "id"), Index(None, "user_id", "ended_at", "id"))

    id: Mapped[PrimaryKey]
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    created_at: Mapped[datetime]
    last_used_at: Mapped[datetime]
    # Fixed at sign-in: use never moves it.
    expires_at: Mapped[datetime] = mapped_column(index=True)
    ended_at: Mapped[datetime | None] = mapped_column(index=True)
    # The default lets the previous version, which does not know this column, continue
    # during a deployment.
    refresh_count: Mapped[int] = mapped_column(default=0, server_default="0")
    # When the newest refresh token was first issued.
    refreshed_at: Mapped[datetime | None]
    ip_address: Mapped[str] = mapped_column(String(45))
    user_agent: Mapped[str] = mapped_column(String(255))

    user: Mapped[User] = relationship(lazy="raise")


class OneTimeToken(Base):
    """A secret that works once, for one purpose, for a limited time. Only its hash is
    stored.
    """

    __tablename__ = "one_time_tokens"
    __table_args__ = (Index(None, "user_id", "purpose"),)

    id: Mapped[PrimaryKey]
    digest: Mapped[str] = mapped_column(String(64), unique=True)
    purpose: Mapped[str] = mapped_column(String(32))
    user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    # What the purpose needs, such as a new address.
    data: Mapped[str] = mapped_column(String(1000), default="")
    # Wrong codes that were sent with this token.
    attempts: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime] = mapped_column(index=True)
    used_at: Mapped[datetime | None]


class Identity(Base):
    """A person for whom an OpenID provider vouches.

    The person is identified by issuer and subject, never by the email address.
    """

    __tablename__ = "identities"
    __table_args__ = (UniqueConstraint("issuer", "subject"), UniqueConstraint("user_id", "issuer"))

    id: Mapped[PrimaryKey]
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    issuer: Mapped[str] = mapped_column(String(255))
    subject: Mapped[str] = mapped_column(String(255))
    created_at: Mapped[datetime] = mapped_column(default=clock.now())


class Totp(Base):
    """A user's second factor: its encrypted secret, and the last time step that was
    accepted.
    """

    __tablename__ = "totps"

    id: Mapped[PrimaryKey]
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), unique=True)
    secret: Mapped[str] = mapped_column(String(255))
    confirmed_at: Mapped[datetime | None]  # null: created, but not yet in force
    last_step: Mapped[int | None]  # a code is accepted once
    created_at: Mapped[datetime] = mapped_column(default=clock.now())


class RecoveryCode(Base):
    """A code for a user who has lost the second factor. Only its hash is stored."""

    __tablename__ = "recovery_codes"

    id: Mapped[PrimaryKey]
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    digest: Mapped[str] = mapped_column(String(64), unique=True)
    used_at: Mapped[datetime | None]


class SecurityEvent(Base):
    """An event in the life of an account, for its owner and for administrators.

    Facts hold ids, never secrets.
    """

    __tablename__ = "security_events"
    __table_args__ = (
        Index(None, "user_id", "created_at", "id"),
        # For `passwords/lockouts.py`. MySQL indexes only the beginning of a long text,
        # and has no partial index.
        Index(
            None,
            "kind",
            "facts",
            mysql_length={"facts": 64},
            postgresql_where=text("kind = 'locked_out'"),
            sqlite_where=text("kind = 'locked_out'"),
        ),
    )

    id: Mapped[PrimaryKey]
    user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    kind: Mapped[str] = mapped_column(String(40))
    ip_address: Mapped[str] = mapped_column(String(45), default="")
    facts: Mapped[str] = mapped_column(String(1000), default="{}")
    created_at: Mapped[datetime] = mapped_column(default=clock.now(), index=True)


class UsernameHold(Base):
    """The trace of a registration with an address that already has an account.

    Until it expires, it gets the same responses as an account that is waiting to be
    verified (`pending.py`). So neither asking for the username again nor signing in
    reveals anything about the address. A hold never opens a session.
    """

    __tablename__ = "username_holds"
    __table_args__ = (Index(None, "email", "expires_at", "id"),)

    id: Mapped[PrimaryKey]
    username: Mapped[str] = mapped_column(String(32), unique=True)
    # Null in rows that the previous version wrote during a deployment, because it does
    # not know these columns.
    email: Mapped[str | None] = mapped_column(String(MAX_EMAIL))
    hashed_password: Mapped[str | None] = mapped_column(String(255))
    expires_at: Mapped[datetime] = mapped_column(index=True)
