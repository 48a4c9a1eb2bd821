"""Auth tables."""

from datetime import datetime

from sqlalchemy import ColumnElement, ForeignKey, Index, String, UniqueConstraint, text
from sqlalchemy.ext.hybrid import hybrid_property
from sqlalchemy.orm import Mapped, mapped_column, query_expression, relationship

from app.core.text import MAX_EMAIL
from app.db import clock
from app.db.database import Base
from app.db.mixins import Timestamps
from app.db.types import PrimaryKey

# No mail can be delivered to this domain (RFC 2606), and no account can register an
# address in it.
NOBODYS = "@deleted.invalid"


class User(Timestamps, Base):
    """An account.

    `username` and `email` are stored in canonical form (`app.core.text`), so all
    spellings of a name find the same row.
    """

    __tablename__ = "users"
    # This index serves the queries in `pending.py`. On PostgreSQL the index is partial,
    # so it is small. MariaDB has no partial indexes, but those queries read only a few
    # entries of the full index.
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
    # null if the user has no password
    hashed_password: Mapped[str | None] = mapped_column(String(255))
    is_verified: Mapped[bool] = mapped_column(default=False)
    is_active: Mapped[bool] = mapped_column(default=True)
    is_superuser: Mapped[bool] = mapped_column(default=False)

    # filled by `queries.FACTS`, otherwise null
    has_google: Mapped[bool | None] = query_expression()
    has_mfa: Mapped[bool | None] = query_expression()
    # the id of the member of staff who acts as this user in this request, or null
    impersonated_by: Mapped[int | None] = query_expression()

    @hybrid_property
    def is_deleted(self) -> bool:
        """Return whether the account was deleted.

        The row of a deleted account stays, because published content refers to it.

        A disabled account is not deleted.
        """
        return self.email.endswith(NOBODYS)

    @is_deleted.inplace.expression
    @classmethod
    def _is_deleted(cls) -> ColumnElement[bool]:
        return cls.email.endswith(NOBODYS)


class LoginSession(Base):
    """A sign-in on one device.

    Access tokens name their session, so they stop working as soon as the session ends.
    The row contains no token. Refresh tokens are derived from the id and
    `refresh_count`.
    """

    __tablename__ = "login_sessions"
    __table_args__ = (Index(None, "user_id", "id"), Index(None, "user_id", "ended_at", "id"))

    id: Mapped[PrimaryKey]
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    created_at: Mapped[datetime]
    last_used_at: Mapped[datetime]
    # This time is set at sign-in. Using the session does not extend it.
    expires_at: Mapped[datetime] = mapped_column(index=True)
    ended_at: Mapped[datetime | None] = mapped_column(index=True)
    # The default is needed during a deployment, while the previous version still
    # inserts rows without this column.
    refresh_count: Mapped[int] = mapped_column(default=0, server_default="0")
    # when the newest refresh token was first issued
    refreshed_at: Mapped[datetime | None]
    ip_address: Mapped[str] = mapped_column(String(45))
    user_agent: Mapped[str] = mapped_column(String(255))

    user: Mapped[User] = relationship(lazy="raise")


class Impersonation(Base):
    """A session in which a member of staff acts as a user, for a limited time.

    It ends with its session, and with the session of the admin that began it. A job
    then sets `ended_at`, and records the end in the audit log.
    """

    __tablename__ = "impersonations"

    id: Mapped[PrimaryKey]
    session_id: Mapped[int | None] = mapped_column(
        ForeignKey("login_sessions.id", ondelete="SET NULL"), unique=True
    )
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    staff_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    staff_session_id: Mapped[int | None] = mapped_column(
        ForeignKey("login_sessions.id", ondelete="SET NULL"), index=True
    )
    started_at: Mapped[datetime] = mapped_column(default=clock.now())
    expires_at: Mapped[datetime]
    ended_at: Mapped[datetime | None] = mapped_column(index=True)


class OneTimeToken(Base):
    """A secret that works once, for one purpose, for a limited time.

    Only its hash is stored.
    """

    __tablename__ = "one_time_tokens"
    __table_args__ = (Index(None, "user_id", "purpose"),)

    id: Mapped[PrimaryKey]
    digest: Mapped[str] = mapped_column(String(64), unique=True)
    purpose: Mapped[str] = mapped_column(String(32))
    user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    # JSON data for the purpose, such as a new address
    data: Mapped[str] = mapped_column(String(1000), default="")
    # number of wrong codes sent with this token
    attempts: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime] = mapped_column(index=True)
    used_at: Mapped[datetime | None]


class Identity(Base):
    """A person whom an OpenID provider has identified.

    An identity is keyed by issuer and subject, never by email address.
    """

    __tablename__ = "identities"
    __table_args__ = (UniqueConstraint("issuer", "subject"), UniqueConstraint("user_id", "issuer"))

    id: Mapped[PrimaryKey]
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    issuer: Mapped[str] = mapped_column(String(255))
    subject: Mapped[str] = mapped_column(String(255))
    created_at: Mapped[datetime] = mapped_column(default=clock.now())


class Totp(Base):
    """A user's second factor: its encrypted secret, and the last accepted time step."""

    __tablename__ = "totps"

    id: Mapped[PrimaryKey]
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), unique=True)
    secret: Mapped[str] = mapped_column(String(255))
    confirmed_at: Mapped[datetime | None]  # null until the secret is confirmed
    # time step of the last accepted code, which is not accepted again
    last_step: Mapped[int | None]
    created_at: Mapped[datetime] = mapped_column(default=clock.now())


class RecoveryCode(Base):
    """A code for a user who has lost their second factor. Only its hash is stored."""

    __tablename__ = "recovery_codes"

    id: Mapped[PrimaryKey]
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    digest: Mapped[str] = mapped_column(String(64), unique=True)
    used_at: Mapped[datetime | None]


class SecurityEvent(Base):
    """A security event for an account, shown to its owner and administrators.

    `facts` holds ids and short words, never secrets.
    """

    __tablename__ = "security_events"
    __table_args__ = (
        Index(None, "user_id", "created_at", "id"),
        # This index serves the queries in `passwords/lockouts.py`. MySQL indexes only
        # the beginning of a long text, and has no partial indexes.
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
    """A username reserved by a registration whose address already has an account.

    Until it expires, a hold gets the same responses as an unverified account (see
    `pending.py`). So neither registering the username again nor signing in reveals
    whether the address is taken. A hold never opens a session.
    """

    __tablename__ = "username_holds"
    __table_args__ = (Index(None, "email", "expires_at", "id"),)

    id: Mapped[PrimaryKey]
    username: Mapped[str] = mapped_column(String(32), unique=True)
    # Null in rows written during a deployment by the previous version, which does not
    # know these columns.
    email: Mapped[str | None] = mapped_column(String(MAX_EMAIL))
    hashed_password: Mapped[str | None] = mapped_column(String(255))
    expires_at: Mapped[datetime] = mapped_column(index=True)
