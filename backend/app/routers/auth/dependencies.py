"""Dependencies that provide the caller to the routes of every feature.

Routes take `CurrentUser`, `OptionalUser`, `VerifiedUser` or `Superuser`. In a route
that writes, the rows of the caller and of their session are locked until its
transaction ends. Until the transaction ends, no other request can delete, disable,
demote or sign out the caller. The auth routes themselves take `CurrentSession`, which
locks nothing, because these routes lock rows in their own order.

Staff may act as a user (`sessions/impersonation.py`). `CurrentSession` refuses them,
and so does `InPerson`, for routes about payments and for any other route that only the
user may call. Elsewhere, `user.impersonated_by` is the id of the member of staff.

A feature also registers its hooks here. `before_deletion` registers a check that may
prevent the deletion of an account. `after_email_change` registers a function that runs
after an email address changes.
"""

from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import OAuth2PasswordBearer

from app.core.errors import Unauthenticated, raises
from app.core.logging import security_event
from app.db.database import SAFE_METHODS, db_dependency
from app.platform import principal
from app.routers.auth import errors

from .credentials.client import Client
from .hooks import SubscriptionActive, after_email_change, before_deletion
from .models import LoginSession, User
from .security import hashing_slot
from .sessions import login_sessions, remembered
from .sessions.impersonation import is_impersonation

__all__ = [
    "CallingClient",
    "CurrentSession",
    "CurrentUser",
    "FreshIdentity",
    "HashingSlot",
    "InPerson",
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

# A route must list this dependency before its database session. Then a request that
# waits for a CPU core does not hold a database connection.
HashingSlot = Depends(hashing_slot, scope="function")


def calling_client(request: Request) -> Client:
    return Client(
        request.client.host if request.client else "", request.headers.get("user-agent", "")
    )


CallingClient = Annotated[Client, Depends(calling_client)]


@raises(Unauthenticated, errors.NotWhileImpersonating)
def current_session(request: Request, db: db_dependency, token: BearerToken) -> LoginSession:
    if token is None:
        raise Unauthenticated
    session = login_sessions.session_of_token(db, token)
    if session.user.impersonated_by is not None:
        raise errors.NotWhileImpersonating
    return _published(request, session)


CurrentSession = Annotated[LoginSession, Depends(current_session)]


@raises(Unauthenticated)
def held_session(request: Request, db: db_dependency, token: BearerToken) -> LoginSession | None:
    """Return the session of the caller, or `None` if the request has no token.

    In a request that writes, the session is locked. An invalid or expired token is
    refused. Otherwise a client with an expired token would be treated as anonymous.
    """
    if token is None:
        if "authorization" in request.headers:
            raise Unauthenticated
        return None
    if request.method not in SAFE_METHODS:
        held = _published(request, login_sessions.hold_session_of_token(db, token))
        if (by := held.user.impersonated_by) is not None:
            facts = {"method": request.method, "path": request.url.path}
            security_event("impersonated_write", routine=True, user_id=held.user_id, by=by, **facts)
        return held
    session, until = remembered.session_of_token(db, token, request.scope.get("route"))
    request.state.identity_until = until
    return _published(request, session)


def _published(request: Request, session: LoginSession) -> LoginSession:
    principal.publish_principal(request, f"user:{session.user_id}")
    return session


@raises(errors.NotWhileImpersonating)
def in_person(token: BearerToken) -> None:
    """Refuse staff who act as a user. The token tells, so this needs no database."""
    if token is not None and is_impersonation(token):
        raise errors.NotWhileImpersonating


InPerson = Depends(in_person)


@principal.fresh
def fresh_identity() -> None:
    """Make a router or a route always look up the caller in the database."""


FreshIdentity = Depends(fresh_identity)

HeldSession = Annotated[LoginSession | None, Depends(held_session)]


@principal.optional
def optional_user(session: HeldSession) -> User | None:
    return session.user if session else None


OptionalUser = Annotated[User | None, Depends(optional_user)]


@principal.required
@raises(Unauthenticated)
def current_user(user: OptionalUser) -> User:
    if user is None:
        raise Unauthenticated
    return user


CurrentUser = Annotated[User, Depends(current_user)]


@raises(errors.EmailNotVerified)
def verified_user(user: CurrentUser) -> User:
    if not user.is_verified:
        raise errors.EmailNotVerified
    return user


VerifiedUser = Annotated[User, Depends(verified_user)]


@principal.fresh
@raises(errors.SuperuserOnly)
def superuser(user: CurrentUser) -> User:
    if not user.is_superuser:
        raise errors.SuperuserOnly
    return user


Superuser = Annotated[User, Depends(superuser)]
