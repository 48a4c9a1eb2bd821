"""Second-factor routes. The rules and queries are in the other modules of `mfa`."""

from fastapi import Response, status

from app.core.errors import TooManyRequests, raises
from app.db.database import db_dependency
from app.platform.routing import SMALL_BODY, Router
from app.routers.auth.dependencies import CallingClient, CurrentSession, HashingSlot
from app.routers.auth.schemas import (
    MfaAnswer,
    MfaCode,
    MfaDisable,
    MfaSetUp,
    RecoveryCodes,
    Token,
    TotpSecret,
)
from app.routers.auth.security import SignInBusy
from app.routers.auth.sessions import cookies
from app.routers.auth.sessions.login_sessions import SessionNotFresh
from app.routers.auth.sessions.reauthentication import InvalidCredentials

from . import answering, second_factor
from .second_factor import InvalidCode, MfaAlreadyEnabled, MfaNotSetUp

router = Router(body_limit=SMALL_BODY)


@router.post("/token/mfa")
@raises(InvalidCode, TooManyRequests)
def answer_challenge(
    db: db_dependency,
    response: Response,
    client: CallingClient,
    data: MfaAnswer,
    mode: cookies.SessionMode,
) -> Token:
    """Complete a sign-in that needs a second factor.

    Send the `mfa_token` from the 401 response, and a code from the app or a recovery
    code. Five wrong codes end the challenge. After that, or after five minutes, sign in
    again.
    """
    token = answering.answer_challenge(db, data.mfa_token, data.code, client)
    return cookies.deliver_tokens(response, token, mode)


@router.post("/mfa/totp", dependencies=[HashingSlot], response_model=TotpSecret)
@raises(InvalidCredentials, SessionNotFresh, MfaAlreadyEnabled, SignInBusy, TooManyRequests)
def set_up_totp(
    db: db_dependency, session: CurrentSession, client: CallingClient, data: MfaSetUp
) -> second_factor.NewSecret:
    """Get a secret for an authenticator app.

    The second factor stays off until a code from the app is confirmed.
    """
    return second_factor.set_up(db, session, data.password, client)


@router.post("/mfa/totp/confirm")
@raises(InvalidCode, MfaAlreadyEnabled, MfaNotSetUp, TooManyRequests)
def confirm_totp(
    db: db_dependency, session: CurrentSession, client: CallingClient, data: MfaCode
) -> RecoveryCodes:
    """Turn the second factor on.

    The code comes from an app that has the secret from `POST /auth/mfa/totp`. The ten
    recovery codes are shown only in this response. Each code works once.
    """
    with answering.limited_guesses(session.user_id, data.code):
        return RecoveryCodes(
            recovery_codes=second_factor.confirm_second_factor(db, session, data.code, client)
        )


@router.post(
    "/mfa/totp/disable", status_code=status.HTTP_204_NO_CONTENT, dependencies=[HashingSlot]
)
@raises(InvalidCredentials, SessionNotFresh, InvalidCode, MfaNotSetUp, SignInBusy, TooManyRequests)
def disable_totp(
    db: db_dependency, session: CurrentSession, client: CallingClient, data: MfaDisable
) -> None:
    """Turn the second factor off.

    This needs the password, and a code from the app or a recovery code. The second
    factor must have been turned on with `POST /auth/mfa/totp/confirm`.
    """
    with answering.limited_guesses(session.user_id, data.code):
        second_factor.disable_second_factor(db, session, data.password, data.code, client)
