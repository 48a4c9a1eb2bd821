"""Routes of auth. Rules and queries are in the modules that these routes call."""

from typing import Annotated

from fastapi import Form, Response

from app.core.errors import TooManyRequests, raises
from app.db.database import db_dependency
from app.platform.routing import SMALL_BODY, Router

from . import account_routes, cookies, google_routes, mfa_routes, password_routes, service, session_routes
from .dependencies import CallingClient, HashingSlot
from .mfa import MfaRequired
from .owner import InvalidCredentials
from .schemas import Login, Token
from .security import SignInBusy

router = Router(prefix="/auth", tags=["auth"], body_limit=SMALL_BODY)


@router.post("/token", dependencies=[HashingSlot])
@raises(InvalidCredentials, service.EmailNotVerified, service.AccountDisabled, MfaRequired, SignInBusy, TooManyRequests)
def create_token(
    db: db_dependency,
    response: Response,
    client: CallingClient,
    data: Annotated[Login, Form()],
    mode: cookies.SessionMode,
) -> Token:
    """Sign in with a username or an email, and a password.

    A client learns that an account is disabled or unverified only after sending the
    right password.
    """
    return cookies.deliver(response, service.sign_in(db, data, client), mode)


router.include_router(account_routes.router)
router.include_router(session_routes.router)
router.include_router(mfa_routes.router)
router.include_router(password_routes.router)
router.include_router(google_routes.router)
