"""Cookies for browsers: the refresh token, and the secret of a sign-in with Google.

An app gets its refresh token in the body instead. No script can read the cookies. The
second one recognises the browser in which a sign-in with Google began.
"""

import re
import secrets
from typing import Annotated, Literal
from urllib.parse import urlsplit

from fastapi import Depends, Query, Request, Response

from app.core.config import get_settings
from app.core.errors import Forbidden, raises
from app.routers.auth.schemas import Token

from .login_sessions import LIFE

BROWSER_SECRET = re.compile(r"[A-Za-z0-9_-]{43}")


THIS_MACHINE = ("localhost", "127.0.0.1", "::1")


class OriginNotAllowed(Forbidden):
    """The browser names another site as the origin of the request, or no site at all
    (ASVS 3.5.1).
    """

    code = "origin_not_allowed"
    detail = (
        "A cookie is accepted only with an `Origin` header that this API knows: one of "
        "CORS_ORIGINS, or the origin of PUBLIC_URL or FRONTEND_URL."
    )


@raises(OriginNotAllowed)
async def session_mode(
    request: Request,
    session: Annotated[
        Literal["body", "cookie"],
        Query(
            description="Where the refresh token goes: into the response body, or into an "
            "HttpOnly cookie."
        ),
    ] = "body",
) -> str:
    """Return where the refresh token goes, and refuse cookies for other sites.

    A form on another site must not be able to sign its visitors in to an account that
    the site controls. Such an attack begins with our cookie. Programs other than
    browsers send no Origin, and have no cookies of another user to replace.
    """
    if session == "cookie" and request.headers.get("origin") not in {None, *_known_origins()}:
        raise OriginNotAllowed
    return session


SessionMode = Annotated[str, Depends(session_mode)]


def cookie_name() -> str:
    """Return the name of the cookie for the refresh token.

    The prefix `__Host-` binds a cookie to this host and to https. Development on plain
    http is the documented exception.
    """
    return "__Host-refresh" if _secure() else "liftoff-refresh"


def deliver(response: Response, token: Token, mode: str) -> Token:
    """Return the token in the form that the client asked for."""
    if mode == "body":
        return token
    _set(response, token.refresh_token or "", int(LIFE.total_seconds()))
    return token.model_copy(update={"refresh_token": None})


def forget(response: Response) -> None:
    """Tell the browser to delete the cookie.

    The attributes are those with which it was set. With weaker ones, a page of another
    site could delete it.
    """
    _set(response, "", 0)


def _set(response: Response, value: str, seconds: int) -> None:
    response.set_cookie(
        cookie_name(),
        value,
        max_age=seconds,
        path="/",
        secure=_secure(),
        httponly=True,
        samesite="strict" if _same_site() else "none",
    )


def refresh_cookie(request: Request) -> str | None:
    """Return the refresh token from the cookie.

    Raises `OriginNotAllowed` if a page of another site may have sent it.
    """
    token = request.cookies.get(cookie_name())
    if token is not None and request.headers.get("origin", "") not in _known_origins():
        raise OriginNotAllowed
    return token


def why_none_came(request: Request) -> str | None:
    """Explain a missing cookie in development.

    If page and API use different names of this machine, a browser treats the two names
    as two sites and withholds the cookie without any message.
    """
    if get_settings().environment != "development":
        return None
    page = urlsplit(request.headers.get("origin", "")).hostname
    api = urlsplit(f"//{request.headers.get('host', '')}").hostname
    if page == api or page not in THIS_MACHINE or api not in THIS_MACHINE:
        return None
    return (
        f"The browser sent no cookie: the page is at {page} and calls this API at {api}. Browsers "
        f"treat these names as two sites. Use the same name, preferably {THIS_MACHINE[0]}, in "
        "both addresses, and sign in again."
    )


def bind_browser(request: Request, response: Response, seconds: int) -> str:
    """Return a secret of this browser, and set it as a cookie.

    The sign-in that begins now can be bound to it. Two tabs share the secret.
    """
    secret = bound_browser(request) or secrets.token_urlsafe(32)
    response.set_cookie(
        _browser_cookie(),
        secret,
        max_age=seconds,
        path="/",
        secure=_secure(),
        httponly=True,
        # The way back begins on Google's page, where a strict cookie is not sent.
        samesite="lax" if _same_site() else "none",
    )
    return secret


def bound_browser(request: Request) -> str:
    """Return the secret of this browser, or an empty text if it has none of ours."""
    secret = request.cookies.get(_browser_cookie(), "")
    return secret if BROWSER_SECRET.fullmatch(secret) else ""


def _browser_cookie() -> str:
    return "__Host-google" if _secure() else "liftoff-google"


def _known_origins() -> set[str]:
    settings = get_settings()
    known = {*settings.cors_origins, _origin(settings.public_url), _origin(settings.frontend_url)}
    # The pages of this server, whichever of its names they were opened by.
    if settings.environment == "development":
        known |= {f"http://{name}:{settings.port}" for name in ("localhost", "127.0.0.1", "[::1]")}
    return known


def _origin(url: str | None) -> str:
    parts = urlsplit(url or "")
    return f"{parts.scheme}://{parts.netloc}"


def _secure() -> bool:
    return (get_settings().public_url or "").startswith("https:")


def _same_site() -> bool:
    """Return whether browsers take the frontend and this API for one site.

    They do if both have the same host, or if one host is below the other. For two hosts
    next to each other, only the list of public suffixes could tell. The owner of
    `api.example.com` also owns `app.example.com`, but the owner of `ada.co.uk` does not
    own `bob.co.uk`. A cookie that is strict by mistake never comes back. So two such
    hosts get a cookie that is not strict, and only the Origin check protects it. On
    plain http there are only strict and lax cookies.
    """
    settings = get_settings()
    api, frontend = (
        urlsplit(url or "").hostname or "" for url in (settings.public_url, settings.frontend_url)
    )
    return (
        not _secure()
        or api == frontend
        or api.endswith(f".{frontend}")
        or frontend.endswith(f".{api}")
    )
