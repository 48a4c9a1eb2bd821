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

NOBODYS = "@deleted.invalid"  # RFC 2606: no mail goes there, and no registration comes with such an address


class User(Timestamps, Base):
    """An account. `username` and `email` are canonical (`app.core.text`): every spelling of one meets one row."""

    __tablename__ = "users"
    # For `pending.py`: few rows are in it, and on MariaDB, which has no partial index, few are looked at.
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
    hashed_password: Mapped[str | None] = mapped_column(String(255))  # null: signs in another way only
    is_verified: Mapped[bool] = mapped_column(default=False)
    is_active: Mapped[bool] = mapped_column(default=True)
    is_superuser: Mapped[bool] = mapped_column(default=False)

    @hybrid_property
    def is_deleted(self) -> bool:
        """Whether only the row is left, under what its owner has published. A disabled account is not deleted."""
        return self.email.endswith(NOBODYS)

    @is_deleted.inplace.expression
    @classmethod
    def _is_deleted(cls) -> ColumnElement[bool]:
        return cls.email.endswith(NOBODYS)


class LoginSession(Base):
    """One sign-in on one device. Access tokens name it, so that ending it stops them at once.

    Nothing that a client could present is stored: refresh tokens are derived from the row and `refresh_count`.
    """

    __tablename__ = "login_sessions"
    __table_args__ = (Index(None, "user_id", "id"), Index(None, "user_id", "ended_at", "id"))

    id: Mapped[PrimaryKey]
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    created_at: Mapped[datetime]
    last_used_at: Mapped[datetime]
    expires_at: Mapped[datetime] = mapped_column(index=True)  # absolute: use never moves it
    ended_at: Mapped[datetime | None] = mapped_column(index=True)
    # Its default lets the version before, which knows no such column, go on during a deployment.
    refresh_count: Mapped[int] = mapped_column(default=0, server_default="0")
    refreshed_at: Mapped[datetime | None]  # when the newest refresh token was first given out
    ip_address: Mapped[str] = mapped_column(String(45))
    user_agent: Mapped[str] = mapped_column(String(255))

    user: Mapped[User] = relationship(lazy="raise")


class OneTimeToken(Base):
    """A secret that works once, for one purpose, for a while. Only its hash is here."""

    __tablename__ = "one_time_tokens"
    __table_args__ = (Index(None, "user_id", "purpose"),)

    id: Mapped[PrimaryKey]
    digest: Mapped[str] = mapped_column(String(64), unique=True)
    purpose: Mapped[str] = mapped_column(String(32))
    user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    data: Mapped[str] = mapped_column(String(1000), default="")  # what the purpose needs, such as a new address
    attempts: Mapped[int] = mapped_column(default=0)  # wrong codes, where a second one goes with it
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime] = mapped_column(index=True)
    used_at: Mapped[datetime | None]


class Identity(Base):
    """Somebody whom an OpenID provider vouches for. Who it is, is issuer and subject, never the e-mail address."""

    __tablename__ = "identities"
    __table_args__ = (UniqueConstraint("issuer", "subject"), UniqueConstraint("user_id", "issuer"))

    id: Mapped[PrimaryKey]
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    issuer: Mapped[str] = mapped_column(String(255))
    subject: Mapped[str] = mapped_column(String(255))
    created_at: Mapped[datetime] = mapped_column(default=clock.now())


class Totp(Base):
    """The second factor of a user: its secret, encrypted, and the last time step that was accepted."""

    __tablename__ = "totps"

    id: Mapped[PrimaryKey]
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), unique=True)
    secret: Mapped[str] = mapped_column(String(255))
    confirmed_at: Mapped[datetime | None]  # null: asked for, not yet in force
    last_step: Mapped[int | None]  # a code is accepted once
    created_at: Mapped[datetime] = mapped_column(default=clock.now())


class RecoveryCode(Base):
    """One way in for who has lost the second factor. Only its hash is here."""

    __tablename__ = "recovery_codes"

    id: Mapped[PrimaryKey]
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    digest: Mapped[str] = mapped_column(String(64), unique=True)
    used_at: Mapped[datetime | None]


class SecurityEvent(Base):
    """What happened to an account, for its owner's and an administrator's eyes. Facts hold ids, never secrets."""

    __tablename__ = "security_events"
    __table_args__ = (
        Index(None, "user_id", "created_at", "id"),
        # For `lockouts.py`. MySQL takes the beginning of a long text alone, and has no partial index.
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
    """What is left of a registration with an address that already has an account.

    It is answered as an account would be that waits for its address to be verified, and for as long (`pending.py`): so
    neither asking for the user name again nor signing in tells anything of the address. It never opens a session.
    """

    __tablename__ = "username_holds"
    __table_args__ = (Index(None, "email", "expires_at", "id"),)

    id: Mapped[PrimaryKey]
    username: Mapped[str] = mapped_column(String(32), unique=True)
    # Null where the version before, which knows no such columns, wrote the row during a deployment.
    email: Mapped[str | None] = mapped_column(String(MAX_EMAIL))
    hashed_password: Mapped[str | None] = mapped_column(String(255))
    expires_at: Mapped[datetime] = mapped_column(index=True)
