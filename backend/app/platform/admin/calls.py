"""Requests to the admin: who sends them, their form, their transaction and their page.

A page is a plain function that gets a `Call` and returns a response. It runs in a
thread, in one transaction, as the routes of features do. A request that writes locks
the row of its member of staff in that transaction. So someone who has just been demoted
cannot change anything.
"""

import re
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from fastapi.concurrency import run_in_threadpool
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from app.core.config import get_settings
from app.core.errors import AppError, Forbidden
from app.core.logging import get_logger, security_event
from app.db.database import SAFE_METHODS, admission, transaction
from app.db.errors import translate_database_error
from app.platform.monitoring.metrics import FOUND

from .places import Place
from .registry import Registry, registry
from .rendering import HEADERS, page
from .staff import NotFresh, SignInNeeded, Staff, Visitor

BASE = "/admin"
SIGN_IN, CONFIRM = f"{BASE}/login", f"{BASE}/confirm"
OWN_PATH = re.compile(r"/admin(?:/[\w.-]+)*/?")

log = get_logger(__name__)


class ForeignForm(Forbidden):
    """The form was not sent by a page of this admin."""

    code = "foreign_form"
    detail = "This form did not come from the admin. Open the page again and repeat it."


@dataclass
class Call:
    """A request to the admin, with everything that its page needs."""

    request: Request
    db: Session
    form: Mapping[str, str]
    known: Registry
    staff: Staff | None = None
    # the form that is shown again, with the reason, if the page refuses it
    again: tuple[str, dict[str, Any]] | None = None

    @property
    def user(self) -> Staff:
        if self.staff is None:
            raise SignInNeeded
        return self.staff

    @property
    def path(self) -> Mapping[str, Any]:
        return self.request.path_params

    @property
    def query(self) -> Mapping[str, str]:
        return self.request.query_params

    @property
    def visitor(self) -> Visitor:
        client = self.request.client
        agent = self.request.headers.get("user-agent", "")
        return Visitor(client.host if client else "", agent)

    @property
    def given_pass(self) -> str:
        return self.request.cookies.get(cookie_name(), "")

    def require_fresh(self) -> None:
        """Raise `NotFresh` unless this member of staff signed in during the last
        minutes.
        """
        if not self.user.is_fresh:
            raise NotFresh

    def render(self, template: str, status: int = 200, **values: Any) -> Response:
        return page(self.request, template, status, known=self.known, staff=self.staff, **values)


Page = Callable[[Call], Response]
Endpoint = Callable[[Request], Awaitable[Response]]


def staff_page(serve: Page) -> Endpoint:
    """Return the endpoint of a page that only staff may see."""
    return _endpoint(serve, is_public=False, hashes=False)


def public_page(serve: Page, *, hashes: bool = False) -> Endpoint:
    """Return the endpoint of a page that everyone may see, such as the sign-in.

    Set `hashes` if the page checks a password, because that takes a lot of processor
    time.
    """
    return _endpoint(serve, is_public=True, hashes=hashes)


def confirming_page(serve: Page) -> Endpoint:
    """Return the endpoint of a page on which staff enter their password once more."""
    return _endpoint(serve, is_public=False, hashes=True)


def _endpoint(serve: Page, *, is_public: bool, hashes: bool) -> Endpoint:
    async def endpoint(request: Request) -> Response:
        request.scope[FOUND] = Place(f"{BASE}{request.scope['route'].path}")
        form = {}
        if request.method not in SAFE_METHODS:
            form = {name: str(value) for name, value in (await request.form()).items()}
        elif not is_public and cookie_name() not in request.cookies:
            return to_sign_in(request)  # this takes no thread and no connection
        async with AsyncExitStack() as held:
            try:
                if hashes and request.method not in SAFE_METHODS:
                    await held.enter_async_context(registry().gate.slot())
                await held.enter_async_context(admission.slot())
            except AppError as error:
                return refusal(request, error)
            return await run_in_threadpool(_serve, serve, request, form, is_public=is_public)

    return endpoint


def _serve(serve: Page, request: Request, form: Mapping[str, str], *, is_public: bool) -> Response:
    writes = request.method not in SAFE_METHODS
    call: Call | None = None
    try:
        if writes:
            _require_own_form(request)
        with transaction(request) as db:
            call = Call(request, db, form, registry())
            if not is_public:
                call.staff = call.known.gate.find(db, call.given_pass, hold=writes)
            return serve(call)
    except SignInNeeded:
        return to_sign_in(request)
    except NotFresh:
        return to_confirmation(request)
    except AppError as error:
        return refusal(request, error, call)
    except SQLAlchemyError as error:
        problem = translate_database_error(error)
        if problem is None:
            raise
        log.warning("database_error", code=problem.code, error=str(error), path=request.url.path)
        return refusal(request, problem, call)


def _require_own_form(request: Request) -> None:
    """Raise `ForeignForm` unless a page of this host sent the form (ASVS 3.5.1).

    starlette-admin compares a token with a cookie. Another host of the same site could
    set that cookie, but it cannot set the header that is checked here.
    """
    own = f"{request.url.scheme}://{request.url.netloc}"
    if request.headers.get("origin") != own:
        raise ForeignForm


def refusal(request: Request, error: AppError, call: Call | None = None) -> Response:
    """Return a page that says why a request was refused.

    If the request had a form, the page shows it again.
    """
    if error.status == Forbidden.status:
        security_event("access_denied", code=error.code, path=request.url.path)
    template, values = (call and call.again) or ("message.html", {})
    shown = {"known": registry() if call else None, "staff": call.staff if call else None}
    response = page(request, template, error.status, **shown, **values, error=error.message)
    if "Retry-After" in error.headers:
        response.headers["Retry-After"] = error.headers["Retry-After"]
    return response


def to_sign_in(request: Request) -> Response:
    return _leading_back(SIGN_IN, request)


def to_confirmation(request: Request) -> Response:
    return _leading_back(CONFIRM, request)


def _leading_back(path: str, request: Request) -> Response:
    """Redirect to `path`.

    That page leads back to this page, or to the page with its form.
    """
    url = request.url.path
    if request.method in SAFE_METHODS and request.url.query:
        url = f"{url}?{request.url.query}"
    target = f"{path}?{urlencode({'next': url})}" if url.rstrip("/") != BASE else path
    return redirect(target)


def own_path(url: str) -> str:
    """Return the path in a URL to lead back to, if the path belongs to the admin.

    Otherwise, return the first page.

    A URL that a browser could take for another host is refused (CWE-601).
    """
    path = url.partition("?")[0]
    is_own = OWN_PATH.fullmatch(path) is not None and url.isascii() and url.isprintable()
    return url if is_own else f"{BASE}/"


def redirect(url: str) -> Response:
    return RedirectResponse(url, status_code=303, headers=HEADERS)


def cookie_name() -> str:
    return "__Host-staff" if _secure() else "liftoff-staff"


def set_pass(response: Response, given: str, seconds: int) -> Response:
    """Set the cookie of the admin. No other part of the API accepts this cookie."""
    response.set_cookie(
        cookie_name(),
        given,
        max_age=seconds,
        path="/",
        secure=_secure(),
        httponly=True,
        samesite="lax",
    )
    return response


def _secure() -> bool:
    return (get_settings().public_url or "").startswith("https:")
