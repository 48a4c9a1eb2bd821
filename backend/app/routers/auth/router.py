"""Routes of auth. No rule and no query here."""

from typing import Annotated

from fastapi import Depends, Form, Request, Response, status

from app.core.errors import TooManyRequests, raises
from app.db.database import db_dependency
from app.platform.limits import RateLimit, address_of
from app.platform.routing import Router

from . import cookies, mfa_routes, service, session_routes
from .dependencies import CallingClient, CurrentUser, HashingSlot
from .mfa import MfaRequired
from .owner import InvalidCredentials
from .schemas import Login, Me, Message, Registration, Token
from .security import SignInBusy, WeakPassword

router = Router(prefix="/auth", tags=["auth"])
router.include_router(session_routes.router)
router.include_router(mfa_routes.router)

registrations = RateLimit("register", "30 per hour")
wrong_passwords = RateLimit("wrong password", "10 per 15 minutes")  # for one account from one address
wrong_sign_ins = RateLimit("wrong sign-in", "50 per 15 minutes")  # for all accounts from one address


@router.post("/register", status_code=status.HTTP_202_ACCEPTED, dependencies=[HashingSlot, Depends(registrations)])
@raises(service.UsernameTaken, WeakPassword, SignInBusy)
def register(db: db_dependency, data: Registration) -> Message:
    """Make an account. The answer is the same whether the address is new or known: its owner gets a mail."""
    service.register(db, data)
    return Message(message="Look into your mailbox: we have sent you a link.")


@router.post("/token", dependencies=[HashingSlot])
@raises(InvalidCredentials, service.EmailNotVerified, service.AccountDisabled, MfaRequired, SignInBusy, TooManyRequests)
def create_token(
    db: db_dependency,
    request: Request,
    response: Response,
    client: CallingClient,
    data: Annotated[Login, Form()],
    mode: cookies.SessionMode = "body",
) -> Token:
    """Sign in with user name or e-mail and password. Only after a right password a closed account says why."""
    address, account = address_of(request), service.login_name(data.username)
    wrong_sign_ins.test(address)
    wrong_passwords.test(address, account)
    try:
        return cookies.deliver(response, service.sign_in(db, data, client), mode)
    except InvalidCredentials:
        wrong_sign_ins.hit(address)
        wrong_passwords.hit(address, account)
        raise


@router.get("/me")
def read_me(db: db_dependency, user: CurrentUser) -> Me:
    return service.describe(db, user)
