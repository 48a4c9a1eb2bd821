"""Cookies: one for the refresh token, one for the secret of a Google sign-in.

Scripts cannot read these cookies. Mobile apps get their refresh token in the response
body instead. The cookie of a Google sign-in identifies the browser in which the sign-in
began.
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
    """The `Origin` header names an unknown site, or is missing (ASVS 3.5.1)."""

    code = "origin_not_allowed"
    detail = (
        "A cookie is accepted only with an `Origin` header that this API knows: one of "
        "CORS_ORIGINS, or the origin of PUBLIC_URL or FRONTEND_URL."
    )


@raises(OriginNotAllowed)
def session_mode(
    request: Request,
    session: Annotated[
        Literal["body", "cookie"],
        Query(
            description="Where the refresh token goes: into the response body, or into an "
            "HttpOnly cookie."
        ),
    ] = "body",
) -> str:
    """Return whether the refresh token goes into the body or into a cookie.

    Raises `OriginNotAllowed` if a page on another site asks for a cookie. Otherwise a
    form on that site could sign its visitors in to an account that the site controls.
    Clients other than browsers send no `Origin`. They are allowed, because they hold no
    other user's cookies.
    """
    if session == "cookie" and request.headers.get("origin") not in {None, *_known_origins()}:
        raise OriginNotAllowed
    return session


SessionMode = Annotated[str, Depends(session_mode)]


def cookie_name() -> str:
    """Return the name of the refresh token cookie.

    The prefix `__Host-` binds a cookie to this host and to https. Development uses
    plain http, so its cookie has no prefix.
    """
    return "__Host-refresh" if _secure() else "liftoff-refresh"


def deliver_tokens(response: Response, token: Token, mode: str) -> Token:
    """Deliver the tokens: in cookie mode, move the refresh token from the body to a
    cookie.
    """
    if mode == "body":
        return token
    _set(response, token.refresh_token or "", int(LIFE.total_seconds()))
    return token.model_copy(update={"refresh_token": None})


def forget_refresh_cookie(response: Response) -> None:
    """Tell the browser to delete the refresh cookie.

    The attributes are the same as when the cookie was set. With weaker attributes, a
    page on another site could delete the cookie.
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
    """Return the refresh token from the cookie, or `None`.

    Raises `OriginNotAllowed` if a page on another site may have sent the request.
    """
    token = request.cookies.get(cookie_name())
    if token is not None and request.headers.get("origin", "") not in _known_origins():
        raise OriginNotAllowed
    return token


def why_none_came(request: Request) -> str | None:
    """Explain a missing cookie in development.

    If the page and the API use different names for this machine, a browser treats them
    as two sites and silently withholds the cookie.
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
    """Return the secret that identifies this browser, and set it as a cookie.

    A sign-in with Google is bound to this secret. All tabs of the browser share it.
    """
    secret = bound_browser(request) or secrets.token_urlsafe(32)
    response.set_cookie(
        _browser_cookie(),
        secret,
        max_age=seconds,
        path="/",
        secure=_secure(),
        httponly=True,
        # Not strict, because the browser would not send a strict cookie after the
        # redirect from Google's page.
        samesite="lax" if _same_site() else "none",
    )
    return secret


def bound_browser(request: Request) -> str:
    """Return the secret that identifies this browser, or an empty string."""
    secret = request.cookies.get(_browser_cookie(), "")
    return secret if BROWSER_SECRET.fullmatch(secret) else ""


def _browser_cookie() -> str:
    return "__Host-google" if _secure() else "liftoff-google"


def _known_origins() -> set[str]:
    settings = get_settings()
    known = {*settings.cors_origins, _origin(settings.public_url), _origin(settings.frontend_url)}
    # In development, the pages of this server may use any name for this machine.
    if settings.environment == "development":
        known |= {f"http://{name}:{settings.port}" for name in ("localhost", "127.0.0.1", "[::1]")}
    return known


def _origin(url: str | None) -> str:
    parts = urlsplit(url or "")
    return f"{parts.scheme}://{parts.netloc}"


def _secure() -> bool:
    return (get_settings().public_url or "").startswith("https:")


def _same_site() -> bool:
    """Return whether browsers treat the frontend and this API as one site.

    They are one site if both have the same host, or if one host is a subdomain of the
    other. For two sibling hosts, the answer depends on the list of public suffixes. The
    owner of `api.example.com` also owns `app.example.com`, but the owner of `ada.co.uk`
    does not own `bob.co.uk`. A cookie that was strict by mistake would never be sent.
    So sibling hosts get a cookie that is not strict, and only the Origin check protects
    it. Without https, a cookie can only be strict or lax.
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
