"""Functions that create accounts as rows."""

from functools import lru_cache
from itertools import count
from typing import Any

from app.core.config import get_settings
from app.db.database import SessionLocal
from app.routers.auth.credentials.client import Client
from app.routers.auth.models import User
from app.routers.auth.security import hash_password
from app.routers.auth.sessions.login_sessions import open_session

PASSWORD = "correct horse battery staple"

_numbers = count(1)


def hashed(password: str) -> str:
    """Return the hash of a password.

    Each hash is computed only once, because hashing is slow on purpose.
    """
    return _hashed(password, get_settings().password_hash_kib)


@lru_cache
def _hashed(password: str, _kib: int) -> str:
    return hash_password(password)


def make_user(password: str = PASSWORD, **columns: Any) -> User:
    """Create a verified, active user with a unique name."""
    name = f"user{next(_numbers)}"
    defaults = {
        "username": name,
        "email": f"{name}@example.com",
        "is_verified": True,
        "hashed_password": hashed(password),
    }
    user = User(**(defaults | columns))
    with SessionLocal() as db, db.begin():
        db.add(user)
    return user


def token_for(user: User) -> str:
    """Return an access token of a new session."""
    with SessionLocal() as db, db.begin():
        return open_session(db, user, Client("192.0.2.1", "tests")).access_token
