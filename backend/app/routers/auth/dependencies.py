"""Who asks, for routes of every feature: `CurrentUser`, `OptionalUser`, `VerifiedUser`, `Superuser`.

Where a route writes, who asks is held until its transaction ends: nobody is deleted, disabled, demoted or signed out in
the middle of it (R21). Auth's own routes take `CurrentSession`, which is not held: they change the user, whom they then
lock in an order of their own.

And what a feature registers with auth: `before_deletion` takes a check that may keep an account from being deleted,
`after_email_change` what is to be done about another address.
"""

from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import OAuth2PasswordBearer

from app.core import principal
from app.core.errors import Unauthenticated, raises
from app.db.database import SAFE_METHODS, db_dependency

from . import service, sessions
from .hooks import SubscriptionActive, after_email_change, before_deletion
from .models import LoginSession, User
from .security import hashing_slot
from .sessions import Client

__all__ = [
    "CallingClient",
    "CurrentSession",
    "CurrentUser",
    "HashingSlot",
    "OptionalUser",
    "SubscriptionActive",
    "Superuser",
    "VerifiedUser",
    "after_email_change",
    "before_deletion",
]

bearer = OAuth2PasswordBearer(
    tokenUrl="auth/token", auto_error=False, description="Sign in with a username or an email."
)
BearerToken = Annotated[str | None, Depends(bearer)]

# Comes before the session: who waits for a processor to hash on must not hold a connection meanwhile.
HashingSlot = Depends(hashing_slot, scope="function")


async def calling_client(request: Request) -> Client:
    return Client(request.client.host if request.client else "", request.headers.get("user-agent", ""))


CallingClient = Annotated[Client, Depends(calling_client)]


@raises(Unauthenticated)
def current_session(request: Request, db: db_dependency, token: BearerToken) -> LoginSession:
    if token is None:
        raise Unauthenticated
    return _published(request, sessions.session_of_token(db, token))


CurrentSession = Annotated[LoginSession, Depends(current_session)]


@raises(Unauthenticated)
def held_session(request: Request, db: db_dependency, token: BearerToken) -> LoginSession | None:
    """None for the public. A token that is sent must be good: an expired one is told so, not served as a stranger."""
    if token is None:
        if "authorization" in request.headers:
            raise Unauthenticated
        return None
    find = sessions.session_of_token if request.method in SAFE_METHODS else sessions.hold_session_of_token
    return _published(request, find(db, token))


def _published(request: Request, session: LoginSession) -> LoginSession:
    principal.publish(request, f"user:{session.user_id}")
    return session


HeldSession = Annotated[LoginSession | None, Depends(held_session)]


# Those below touch no database: as plain functions each would cost a request a trip through a thread.
@principal.optional
async def optional_user(session: HeldSession) -> User | None:
    return session.user if session else None


OptionalUser = Annotated[User | None, Depends(optional_user)]


@principal.required
@raises(Unauthenticated)
async def current_user(user: OptionalUser) -> User:
    if user is None:
        raise Unauthenticated
    return user


CurrentUser = Annotated[User, Depends(current_user)]


@raises(service.EmailNotVerified)
async def verified_user(user: CurrentUser) -> User:
    if not user.is_verified:
        raise service.EmailNotVerified
    return user


VerifiedUser = Annotated[User, Depends(verified_user)]


@raises(service.SuperuserOnly)
async def superuser(user: CurrentUser) -> User:
    if not user.is_superuser:
        raise service.SuperuserOnly
    return user


Superuser = Annotated[User, Depends(superuser)]
