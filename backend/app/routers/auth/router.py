"""Auth routes. The rules and queries are in the modules that these routes call."""

from typing import Annotated

from fastapi import Form, Response

from app.core.errors import TooManyRequests, raises
from app.db.database import db_dependency
from app.platform.routing import SMALL_BODY, Router
from app.routers.auth import errors
from app.routers.auth.sign_in import with_password

from .accounts import routes as accounts_routes
from .dependencies import CallingClient, HashingSlot
from .google import routes as google_routes
from .mfa import routes as mfa_routes
from .mfa.second_factor import MfaRequired
from .passwords import routes as passwords_routes
from .privacy import routes as privacy_routes
from .schemas import Login, Token
from .security import SignInBusy
from .sessions import cookies
from .sessions import routes as sessions_routes
from .sessions.reauthentication import InvalidCredentials

router = Router(prefix="/auth", tags=["auth"], body_limit=SMALL_BODY)


@router.post("/token", dependencies=[HashingSlot])
@raises(
    InvalidCredentials,
    errors.EmailNotVerified,
    errors.AccountDisabled,
    MfaRequired,
    SignInBusy,
    TooManyRequests,
)
def create_token(
    db: db_dependency,
    response: Response,
    client: CallingClient,
    data: Annotated[Login, Form()],
    mode: cookies.SessionMode,
) -> Token:
    """Sign in with a username or an email, and a password.

    The response says that an account is disabled or unverified only if the password is
    correct.
    """
    return cookies.deliver_tokens(response, with_password.sign_in(db, data, client), mode)


router.include_router(accounts_routes.router)
router.include_router(sessions_routes.router)
router.include_router(mfa_routes.router)
router.include_router(passwords_routes.router)
router.include_router(google_routes.router)
router.include_router(privacy_routes.router)
