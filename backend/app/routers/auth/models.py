"""Tables of auth."""

from datetime import datetime

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.core.text import MAX_EMAIL
from app.db.database import Base
from app.db.mixins import Timestamps
from app.db.types import PrimaryKey


class User(Timestamps, Base):
    """An account. `username` and `email` are canonical (`app.core.text`): every spelling of one meets one row."""

    __tablename__ = "users"

    id: Mapped[PrimaryKey]
    username: Mapped[str] = mapped_column(String(32), unique=True)
    email: Mapped[str] = mapped_column(String(MAX_EMAIL), unique=True)
    hashed_password: Mapped[str | None] = mapped_column(String(255))  # null: signs in another way only
    is_verified: Mapped[bool] = mapped_column(default=False)
    is_active: Mapped[bool] = mapped_column(default=True)
    is_superuser: Mapped[bool] = mapped_column(default=False)


class LoginSession(Base):
    """One sign-in on one device. Access tokens name it, so that ending it stops them at once."""

    __tablename__ = "login_sessions"

    id: Mapped[PrimaryKey]
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    created_at: Mapped[datetime]
    last_used_at: Mapped[datetime]
    expires_at: Mapped[datetime]  # absolute: use never moves it
    ended_at: Mapped[datetime | None]
    ip_address: Mapped[str] = mapped_column(String(45))
    user_agent: Mapped[str] = mapped_column(String(255))

    user: Mapped[User] = relationship(lazy="raise")


class UsernameHold(Base):
    """A user name that somebody asked for with an address that already has an account.

    It is taken for as long as a pending registration would take it, so that asking twice tells nothing of the address.
    """

    __tablename__ = "username_holds"

    id: Mapped[PrimaryKey]
    username: Mapped[str] = mapped_column(String(32), unique=True)
    expires_at: Mapped[datetime] = mapped_column(index=True)
