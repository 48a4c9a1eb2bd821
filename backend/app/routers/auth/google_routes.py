"""Routes of the sign-in with Google. No rule and no query here.

The first and the third are for the browser's address bar, not for scripts: what goes wrong there is told on the
frontend's page, by a word in its address.
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
from app.platform.documentation import DATABASE_ERRORS
from app.platform.limits import AddressLimit
from app.platform.routing import SMALL_BODY, Router

from . import cookies, gateway, google
from .dependencies import CallingClient, CurrentSession, HashingSlot
from .gateway import GoogleFailed, GoogleUnavailable
from .identities import GoogleAlreadyLinked, LastWayIn
from .mfa import MfaRequired
from .owner import InvalidCredentials
from .schemas import GoogleAnswer, GoogleCode, GoogleLink, OwnerInput, Token
from .security import SignInBusy
from .sessions import SessionNotFresh
from .tokens import LIFE, InvalidToken, Purpose

router = Router(prefix="/google", body_limit=SMALL_BODY)
# RFC 6749, 4.1.2: a client ignores what it does not know in the answer of a provider. Google sends `authuser` and more.
callback = Router(body_limit=SMALL_BODY, strict_query=False)

journeys = AddressLimit("google sign-in", "100 per 10 minutes")
# So many wait for Google at once; more wait for their turn without a thread. They stay few beside the threads that
# connections need (WORKER_THREADS), so the other routes are quick while Google hangs.
calls = Admission(8, timeout=5, refusal=GoogleUnavailable)

WORDS = ", ".join(f"`{error.code}`" for error in google.REFUSALS)


@raises(google.GoogleDisabled)
async def google_enabled() -> None:
    if not google.is_enabled():
        raise google.GoogleDisabled


async def google_turn() -> AsyncIterator[bool]:
    """Whether it is this request's turn to call outside; false where the wait was too long."""
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
        description="The base64url-encoded SHA-256 of a secret that the page keeps and sends to the exchange as "
        "`code_verifier` (RFC 7636, S256). A frontend on another site than this API needs it.",
    ),
]
GoogleEnabled = Depends(google_enabled)
GoogleTurn = Annotated[bool, Depends(google_turn, scope="function")]


@raises(GoogleUnavailable, GoogleFailed)
def google_configuration(turn: GoogleTurn) -> gateway.Configuration:
    """Stands before the session among a route's parameters: nobody holds a connection while Google is asked."""
    if not turn:
        raise GoogleUnavailable
    return gateway.configuration()


GoogleConfiguration = Annotated[gateway.Configuration, Depends(google_configuration)]


async def shown_for_exchange(request: Request, data: GoogleCode) -> google.Shown:
    return google.Shown(data.code, cookies.bound_browser(request), data.code_verifier or "")


Shown = Annotated[google.Shown, Depends(shown_for_exchange)]


def _leads_to(code: int, where: str) -> dict[str, Any]:
    """The answer is a redirect, as OpenAPI has it."""
    location = {"Location": {"description": where, "schema": {"type": "string", "format": "uri"}}}
    return {
        "status_code": code,
        "response_class": RedirectResponse,
        "responses": {code: {"description": where, "headers": location}},
    }


@router.get(
    "/login",
    dependencies=[GoogleEnabled, Depends(journeys)],
    **_leads_to(status.HTTP_302_FOUND, "Google's page, or the frontend's `/auth/callback?error=…`."),
)
@raises(*DATABASE_ERRORS)
def sign_in_with_google(
    request: Request,
    turn: GoogleTurn,
    next_page: Annotated[
        str, Query(alias="next", description="A path of the frontend. The callback page gets it back if it is safe.")
    ] = "",
    code_challenge: Challenge = None,
) -> RedirectResponse:
    """Send the browser to Google. Open it in the address bar; it sets a cookie that callback and exchange ask for."""
    response = RedirectResponse("", status.HTTP_302_FOUND)
    browser = cookies.bind_browser(request, response, _seconds())
    response.headers["Location"] = _or_why_not(
        lambda: google.begin_sign_in(google_configuration(turn), browser, next_page, code_challenge)
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
    """Where to send the browser to link a Google account to this one.

    It must be the browser that asks: send this with credentials, since the answer sets a cookie. Who signed in over ten
    minutes ago signs in again first.
    """
    browser = cookies.bind_browser(request, response, _seconds())
    return GoogleLink(url=google.begin_link(db, configuration, browser, session))


@callback.get(
    "/callback",
    dependencies=[GoogleEnabled],
    **_leads_to(
        status.HTTP_303_SEE_OTHER,
        "The frontend's `/auth/callback`. After success its query has a `code`, to be sent to "
        "`POST /auth/google/exchange` within a minute, and the `next` from the start of the sign-in. After a failure "
        f"it has an `error`, which is one of {WORDS}.",
    ),
)
@raises(*DATABASE_ERRORS)
def return_from_google(
    request: Request, turn: GoogleTurn, client: CallingClient, answer: Annotated[GoogleAnswer, Query()]
) -> RedirectResponse:
    """Where Google sends the browser back to. Not for you to call."""
    browser = cookies.bound_browser(request)

    def arrive() -> str:
        if not turn:
            raise GoogleUnavailable
        return google.arrive(answer, browser, client)

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
    """A session for the code that the callback page was given. It works once, for a minute, where the sign-in began.

    Send it with credentials, for the cookie of `GET /auth/google/login`; or with `code_verifier`, if that was given a
    `code_challenge`.
    """
    return cookies.deliver(response, google.exchange(db, shown, client), mode)


@router.post("/unlink", status_code=status.HTTP_204_NO_CONTENT, dependencies=[HashingSlot])
@raises(InvalidCredentials, SessionNotFresh, LastWayIn, TooManyRequests, SignInBusy)
def unlink_google(
    db: db_dependency, session: CurrentSession, client: CallingClient, data: OwnerInput | None = None
) -> None:
    """Google no longer lets anybody into this account."""
    google.unlink(db, session, data.password if data else None, client)


def _or_why_not(where: Callable[[], str]) -> str:
    try:
        return where()
    except google.REFUSALS as refusal:
        security_event("google_refused", reason=refusal.code)
        return google.frontend_page(error=refusal.code)


def _seconds() -> int:
    """As long as a journey may last, up to the exchange of its code."""
    return int((LIFE[Purpose.GOOGLE_STATE] + LIFE[Purpose.GOOGLE_EXCHANGE]).total_seconds())
