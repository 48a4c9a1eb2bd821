"""Session routes: refresh, list, end. The rules are in the other modules."""

from fastapi import Request, Response, status

from app.core.errors import Unauthenticated, raises
from app.core.types import Id
from app.db.database import db_dependency
from app.platform.routing import SMALL_BODY, Router, never_limited
from app.routers.auth.credentials.one_time_tokens import InvalidToken
from app.routers.auth.dependencies import BearerToken, CallingClient, CurrentSession
from app.routers.auth.models import LoginSession
from app.routers.auth.schemas import ImpersonationCode, Refresh, SessionRead, Token

from . import cookies, impersonation, login_sessions, refreshing

router = Router(body_limit=SMALL_BODY)


@router.post("/refresh")
@raises(refreshing.InvalidRefreshToken, cookies.OriginNotAllowed)
def refresh(
    db: db_dependency,
    request: Request,
    response: Response,
    client: CallingClient,
    data: Refresh | None = None,
) -> Token:
    """Exchange a refresh token for new tokens.

    Send the token in the body or in the cookie. The response delivers the new refresh
    token in the same way. An empty body, `{}` and `{"refresh_token": null}` all mean
    the cookie. Each refresh token works once. If a token is sent again after more than
    10 seconds, its session ends.
    """
    given = data.refresh_token if data else None
    token = given or cookies.refresh_cookie(request)
    if token is None:
        raise refreshing.InvalidRefreshToken(cookies.why_none_came(request))
    return cookies.deliver_tokens(
        response, refreshing.refresh(db, token, client), "body" if given else "cookie"
    )


@router.post("/impersonation")
@raises(InvalidToken)
def act_as_user(db: db_dependency, data: ImpersonationCode) -> Token:
    """Exchange the code of a member of staff for an access token of a user.

    The admin shows the code in an address of the frontend. The code works once. The
    session has no refresh token, and ends after at most 30 minutes.
    """
    return impersonation.exchange_code(db, data.code)


@router.post("/logout", status_code=status.HTTP_204_NO_CONTENT)
@raises(Unauthenticated, cookies.OriginNotAllowed)
@never_limited
def log_out(
    db: db_dependency,
    request: Request,
    response: Response,
    access_token: BearerToken,
    data: Refresh | None = None,
) -> None:
    """End this session.

    Its tokens stop working at once, and the browser deletes its cookie. One token is
    enough: the access token, the refresh token in the body, or the cookie with an
    allowed `Origin`. An expired access token is enough, too, so a client does not have
    to refresh first. The response is 204 even if the session has already ended.
    """
    given = data.refresh_token if data else None
    named = login_sessions.end_session_of_token(db, access_token=access_token, refresh_token=given)
    try:
        cookie = cookies.refresh_cookie(request)
    except cookies.OriginNotAllowed:
        if not named:
            raise
        cookie = None
    if cookie is not None:
        login_sessions.end_session_of_token(db, refresh_token=cookie)
    elif not named:
        raise Unauthenticated(cookies.why_none_came(request))
    cookies.forget_refresh_cookie(response)


@router.post("/logout-all", status_code=status.HTTP_204_NO_CONTENT)
@never_limited
def log_out_everywhere(db: db_dependency, response: Response, session: CurrentSession) -> None:
    """End every session of this account."""
    login_sessions.end_every_session(db, session.user_id)
    cookies.forget_refresh_cookie(response)


@router.get("/sessions")
def list_sessions(db: db_dependency, session: CurrentSession) -> list[SessionRead]:
    """List the devices that are signed in to this account."""
    return [
        _read(one, current=one.id == session.id)
        for one in login_sessions.list_sessions(db, session.user)
    ]


@router.delete("/sessions/{session_id}", status_code=status.HTTP_204_NO_CONTENT)
@raises(login_sessions.SessionNotFound)
@never_limited
def end_session(db: db_dependency, session: CurrentSession, session_id: Id) -> None:
    """Sign out one device. Its tokens stop working at once."""
    login_sessions.end_session(db, session.user, session_id)


def _read(session: LoginSession, *, current: bool) -> SessionRead:
    return SessionRead(
        id=session.id,
        created_at=session.created_at,
        last_used_at=session.last_used_at,
        ip_address=session.ip_address,
        user_agent=session.user_agent,
        current=current,
    )
