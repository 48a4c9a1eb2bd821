"""A cache of the user of each access token, kept for IDENTITY_CACHE_SECONDS.

Without this setting, nothing is cached. With this setting, a request that only reads
may find its user in this process's memory. When a request changes an account or ends a
session, its process drops the cached user before it sends the response. Other processes
learn of the change through Redis, or within half a second from the database. In any
case, a cached user expires after IDENTITY_CACHE_SECONDS.

| Request that always asks the database | Reason |
|---|---|
| every request that writes | it locks its caller's rows |
| every request of staff who act as a user | it depends on the admin's session, too |
| auth routes that take `CurrentSession` | they manage the account and its sessions |
| routes with `Superuser`, and payments routes | they depend on `FreshIdentity` |
"""

import time
from collections import OrderedDict
from dataclasses import dataclass
from threading import Lock
from typing import Any, TypeVar

from sqlalchemy import inspect
from sqlalchemy.orm import Session, make_transient_to_detached
from sqlalchemy.orm.attributes import set_committed_value

from app.core.config import get_settings
from app.platform.cache import Watch
from app.platform.cache.callers import digest_of
from app.platform.cache.watches import freshness
from app.platform.principal import is_fresh
from app.routers.auth.models import Identity, LoginSession, Totp, User
from app.routers.auth.security import seconds_left

from . import login_sessions
from .impersonation import is_impersonation

MOST = 10_000

Row = TypeVar("Row", LoginSession, User)

IDENTITY = Watch(
    User.username,
    User.email,
    User.hashed_password,
    User.is_verified,
    User.is_active,
    User.is_superuser,
    LoginSession.ended_at,
    LoginSession.expires_at,
    Identity,
    Totp,
)
"""The columns that decide whether a token is accepted, and what `Me` shows."""


@dataclass(frozen=True, slots=True)
class Known:
    """A session with its user, detached from every database session."""

    session: LoginSession
    version: int
    until: float


_known: OrderedDict[bytes, Known] = OrderedDict()
_lock = Lock()


def session_of_token(db: Session, token: str, route: Any) -> tuple[LoginSession, float | None]:
    """Return an access token's live session, from memory if possible.

    The second value is the monotonic time until which a response may be kept, or `None`
    if it must not be kept. Raises `Unauthenticated`, like
    `login_sessions.session_of_token`.
    """
    seconds = get_settings().identity_cache_seconds
    if not seconds or not freshness.ok or _asks_always(token, route):
        return login_sessions.session_of_token(db, token), None
    digest = digest_of(token.encode())
    if known := _find(digest):
        return db.merge(known.session, load=False), known.until
    version, began = IDENTITY.version, time.monotonic()
    session = login_sessions.session_of_token(db, token)
    until = began + min(seconds, seconds_left(token))
    _keep(digest, Known(_apart(session), version, until))
    return session, until


def _find(digest: bytes) -> Known | None:
    known = _known.get(digest)
    if known and known.version == IDENTITY.version and time.monotonic() < known.until:
        return known
    return None


def _keep(digest: bytes, known: Known) -> None:
    with _lock:
        _known.pop(digest, None)
        _known[digest] = known
        while len(_known) > MOST:
            _known.popitem(last=False)


def _apart(session: LoginSession) -> LoginSession:
    """Copy a session and its user, so that no request can change the cached objects."""
    copy = _copy(session)
    set_committed_value(copy, "user", _copy(session.user))
    return copy


def _copy(row: Row) -> Row:
    state = inspect(row)
    loaded = {
        attribute.key: state.dict[attribute.key]
        for attribute in state.mapper.column_attrs
        if attribute.key in state.dict
    }
    copy = type(row)(**loaded)
    make_transient_to_detached(copy)
    return copy


def _asks_always(token: str, route: Any) -> bool:
    """Return whether a token, a route or one of its dependencies needs the current
    identity.
    """
    if route is None or is_impersonation(token):
        return True
    waiting = [route.dependant]
    while waiting:
        current = waiting.pop()
        if is_fresh(current.call):
            return True
        waiting += current.dependencies
    return False
