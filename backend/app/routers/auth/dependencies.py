"""Who asks, for routes of every feature: `CurrentUser`, `OptionalUser`, `VerifiedUser`, `Superuser`."""

from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import OAuth2PasswordBearer

from app.core.errors import Unauthenticated, raises
from app.core.principal import publish
from app.db.database import db_dependency

from . import service
from .models import User

bearer = OAuth2PasswordBearer(tokenUrl="auth/token", auto_error=False, description="Sign in with user name or e-mail.")
BearerToken = Annotated[str | None, Depends(bearer)]


@raises(Unauthenticated)
def optional_user(request: Request, db: db_dependency, token: BearerToken) -> User | None:
    """None for the public. A token that is sent must be good: an expired one is told so, not served as a stranger."""
    if token is None:
        if "authorization" in request.headers:
            raise Unauthenticated
        return None
    user = service.user_of_token(db, token)
    publish(request, f"user:{user.id}")
    return user


OptionalUser = Annotated[User | None, Depends(optional_user)]


# The three below touch no database: as plain functions each would cost a request a trip through a thread.
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
