"""Routes for signing in with Google. The rules and queries are in the other modules.

Browsers open `/login` and `/callback` as pages; scripts do not call them. After an
error, both redirect to the frontend's callback page, with an error code in the query.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from typing import Annotated, Any

from fastapi import Depends, Query, Request, Response, status
from fastapi.responses import RedirectResponse

from app.core.admission import Admission
from app.core.errors import TooManyRequests, raises
from app.core.logging import security_event
from app.db.database import db_dependency
from app.platform.limits import AddressLimit
from app.platform.openapi_routes import DATABASE_ERRORS
from app.platform.routing import SMALL_BODY, Router
from app.routers.auth.credentials.one_time_tokens import LIFE, InvalidToken, Purpose
from app.routers.auth.dependencies import CallingClient, CurrentSession, HashingSlot
from app.routers.auth.mfa.second_factor import MfaRequired
from app.routers.auth.schemas import GoogleAnswer, GoogleCode, GoogleLink, OwnerInput, Token
from app.routers.auth.security import SignInBusy
from app.routers.auth.sessions import cookies
from app.routers.auth.sessions.login_sessions import SessionNotFresh
from app.routers.auth.sessions.reauthentication import InvalidCredentials

from . import journey
from .gateway.provider import Configuration, GoogleFailed, GoogleUnavailable
from .identities import GoogleAlreadyLinked, LastWayIn

router = Router(prefix="/google", body_limit=SMALL_BODY)
# OAuth clients must ignore unknown parameters in the provider's redirect (RFC 6749,
# 4.1.2). Google sends `authuser` and others.
callback = Router(body_limit=SMALL_BODY, strict_query=False)

journeys = AddressLimit("google sign-in", "100 per 10 minutes")
# At most eight requests call Google at the same time. Further requests wait without
# holding a thread. Because eight is fewer than the default WORKER_THREADS, other routes
# stay fast while Google does not respond.
calls = Admission(8, timeout=5, refusal=GoogleUnavailable)

WORDS = ", ".join(f"`{error.code}`" for error in journey.REFUSALS)


@raises(journey.GoogleDisabled)
def google_enabled() -> None:
    if not journey.is_enabled():
        raise journey.GoogleDisabled


async def google_turn() -> AsyncIterator[bool]:
    """Yield whether this request may call Google now.

    The result is false if the wait was too long.
    """
    async with AsyncExitStack() as turn:
        try:
            await turn.enter_async_context(calls.slot())
        except GoogleUnavailable:
            yield False
        else:
            yield True


Challenge = Annotated[
    str | None,
    Query(
        pattern=r"^[A-Za-z0-9_-]{43}$",
        description="The base64url-encoded SHA-256 of a secret that the page keeps and sends to "
        "the exchange as `code_verifier` (RFC 7636, S256). It is required if the frontend and "
        "this API are on different sites.",
    ),
]
GoogleEnabled = Depends(google_enabled)
GoogleTurn = Annotated[bool, Depends(google_turn, scope="function")]


@raises(GoogleUnavailable, GoogleFailed)
def google_configuration(turn: GoogleTurn) -> Configuration:
    """Return the provider's configuration.

    A route must list this dependency before the database session. Then the request
    holds no database connection while it calls Google.
    """
    if not turn:
        raise GoogleUnavailable
    from .gateway import openid  # imported late, as its package explains

    return openid.provider_configuration()


GoogleConfiguration = Annotated[Configuration, Depends(google_configuration)]


def shown_for_exchange(request: Request, data: GoogleCode) -> journey.Shown:
    return journey.Shown(data.code, cookies.bound_browser(request), data.code_verifier or "")


Shown = Annotated[journey.Shown, Depends(shown_for_exchange)]


def _leads_to(code: int, where: str) -> dict[str, Any]:
    """Describe a redirect in OpenAPI."""
    location = {"Location": {"description": where, "schema": {"type": "string", "format": "uri"}}}
    return {
        "status_code": code,
        "response_class": RedirectResponse,
        "responses": {code: {"description": where, "headers": location}},
    }


@router.get(
    "/login",
    dependencies=[GoogleEnabled, Depends(journeys)],
    **_leads_to(
        status.HTTP_302_FOUND, "Google's page, or the frontend's `/auth/callback?error=…`."
    ),
)
@raises(*DATABASE_ERRORS)
def sign_in_with_google(
    request: Request,
    turn: GoogleTurn,
    next_page: Annotated[
        str,
        Query(
            alias="next",
            description="A path of the frontend. The callback page gets a safe path back.",
        ),
    ] = "",
    code_challenge: Challenge = None,
) -> RedirectResponse:
    """Send the browser to Google. Open this address as a page in the browser.

    The response sets a cookie that the callback and the exchange require.
    """
    response = RedirectResponse("", status.HTTP_302_FOUND)
    browser = cookies.bind_browser(request, response, _seconds())
    response.headers["Location"] = _or_why_not(
        lambda: journey.begin_sign_in(
            google_configuration(turn), browser, next_page, code_challenge
        )
    )
    return response


@router.post("/link", dependencies=[GoogleEnabled])
@raises(SessionNotFresh, GoogleAlreadyLinked)
def link_google(
    request: Request,
    response: Response,
    configuration: GoogleConfiguration,
    db: db_dependency,
    session: CurrentSession,
) -> GoogleLink:
    """Get the URL that the browser opens to link a Google account.

    Send this request from that browser, with credentials, because the response sets a
    cookie. The sign-in must be at most ten minutes old.
    """
    browser = cookies.bind_browser(request, response, _seconds())
    return GoogleLink(url=journey.begin_link(db, configuration, browser, session))


@callback.get(
    "/callback",
    dependencies=[GoogleEnabled],
    **_leads_to(
        status.HTTP_303_SEE_OTHER,
        "The frontend's `/auth/callback`. After success its query has a `code`, to be sent to "
        "`POST /auth/google/exchange` within a minute, and the `next` from the start of the "
        f"sign-in. After a failure it has an `error`, which is one of {WORDS}.",
    ),
)
@raises(*DATABASE_ERRORS)
def return_from_google(
    request: Request,
    turn: GoogleTurn,
    client: CallingClient,
    answer: Annotated[GoogleAnswer, Query()],
) -> RedirectResponse:
    """Handle the browser's return from Google. Clients do not call this route."""
    browser = cookies.bound_browser(request)

    def arrive() -> str:
        if not turn:
            raise GoogleUnavailable
        return journey.arrive_from_google(answer, browser, client)

    return RedirectResponse(_or_why_not(arrive), status.HTTP_303_SEE_OTHER)


router.include_router(callback)


@router.post("/exchange", dependencies=[GoogleEnabled])
@raises(InvalidToken, MfaRequired)
def exchange_google_code(
    db: db_dependency,
    response: Response,
    client: CallingClient,
    shown: Shown,
    mode: cookies.SessionMode,
) -> Token:
    """Exchange the code that the callback page received for a session.

    The code works once, within a minute, for the client that began the sign-in. Send
    this request with credentials, because it needs the cookie of `GET
    /auth/google/login`. If that request had a `code_challenge`, send the
    `code_verifier` instead.
    """
    return cookies.deliver_tokens(response, journey.exchange_code(db, shown, client), mode)


@router.post("/unlink", status_code=status.HTTP_204_NO_CONTENT, dependencies=[HashingSlot])
@raises(InvalidCredentials, SessionNotFresh, LastWayIn, TooManyRequests, SignInBusy)
def unlink_google(
    db: db_dependency,
    session: CurrentSession,
    client: CallingClient,
    data: OwnerInput | None = None,
) -> None:
    """Remove the linked Google account. The user can then no longer sign in with it."""
    journey.unlink_google(db, session, data.password if data else None, client)


def _or_why_not(where: Callable[[], str]) -> str:
    try:
        return where()
    except journey.REFUSALS as refusal:
        security_event("google_refused", reason=refusal.code)
        return journey.frontend_page(error=refusal.code)


def _seconds() -> int:
    """Return how long a sign-in may take, including the exchange of its code."""
    return int((LIFE[Purpose.GOOGLE_STATE] + LIFE[Purpose.GOOGLE_EXCHANGE]).total_seconds())
