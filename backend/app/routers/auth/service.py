"""Rules for reading an account and creating superusers."""

from sqlalchemy.orm import Session

from app.core.text import canonical_email, canonical_username
from app.db.errors import conflicts
from app.routers.auth.errors import UsernameTaken

from . import queries
from .models import User
from .passwords import takeover
from .passwords.weak_passwords import refuse_weak
from .schemas import Me
from .security import hash_password


def describe_account(db: Session, user: User) -> Me:
    if user.has_google is None:
        queries.describe(db, user)
    return Me(
        id=user.id,
        username=user.username,
        email=user.email,
        is_verified=user.is_verified,
        is_superuser=user.is_superuser,
        has_password=user.hashed_password is not None,
        has_google=bool(user.has_google),
        has_mfa=bool(user.has_mfa),
        created_at=user.created_at,
        impersonated_by=user.impersonated_by,
    )


def make_superuser(db: Session, *, email: str, username: str, password: str | None) -> User:
    """Promote the account with this address, or create one with this password.

    The new account is verified. If the existing account was never verified, a stranger
    may have created it. In that case the password is replaced, and everything else that
    lets the stranger in is removed.

    Raises `UsernameTaken`. Raises `ValueError` for an invalid name, address or
    password, for a missing password, and for a password given for a verified account.
    """
    email = canonical_email(email)
    user = db.scalar(queries.locked_accounts(User.email == email))
    if user is not None and user.is_verified:
        if password is not None:
            raise ValueError("This account already has a password: leave yours out")
    elif password is None:
        raise ValueError("A new account, or one with an unverified address, needs a password")
    else:
        username = canonical_username(username)
        refuse_weak(password, username, email)
        user = user or User(username=username, email=email)
        db.add(user)
        user.hashed_password = hash_password(password)
        with conflicts({"uq_users_username": UsernameTaken}):
            db.flush()
        takeover.expel_stranger(db, user.id)
    user.is_superuser = user.is_verified = user.is_active = True
    db.flush()
    return user
