"""Every error leaves as `application/problem+json` (RFC 9457), with one shape and a stable `code`."""

import re
from asyncio import CancelledError
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from asgi_correlation_id import correlation_id
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError, ResponseValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm.exc import StaleDataError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.routing import Match
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.core.errors import AppError, Unprocessable
from app.core.logging import get_logger, security_event
from app.core.principal import viewer
from app.db.errors import DatabaseConflict, translate

MEDIA_TYPE = "application/problem+json"
INVALID = "The request does not have the form that this route asks for."
MAX_ERRORS = 50
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
PLAIN_NAME = re.compile(r"[A-Za-z0-9_.\-\[\]]{1,64}")
# Errors that arise before any feature's code, or outside it: their code, and a word for people.
GENERIC: dict[int, tuple[str, str]] = {
    400: ("bad_request", "The request cannot be understood."),
    404: ("not_found", "No route answers this path."),
    405: ("method_not_allowed", "This path is there, but not for this method: see the Allow header."),
    413: ("body_too_large", "The body is larger than this route takes."),
    431: ("headers_too_large", "The headers are larger than 64 kB, the cookies or the address than 16 kB."),
    500: ("internal_error", "Something went wrong on our side. The request id helps us find it."),
}
TITLES = {413: "Content Too Large", 422: "Unprocessable Content"}  # names differ between Python versions

log = get_logger("app.problems")


class FieldError(BaseModel):
    """One thing that is wrong with the request, and where."""

    loc: list[str | int]
    msg: str
    type: str


class Problem(BaseModel):
    """What every error answer looks like. Programs decide by `code`; `detail` is for people and may change."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    request_id: str | None


class ValidationProblem(Problem):
    """A problem with the fields that caused it."""

    errors: list[FieldError]


def render(
    status: int,
    code: str,
    detail: str,
    *,
    headers: Mapping[str, str] | None = None,
    members: Mapping[str, Any] | None = None,
) -> JSONResponse:
    """The answer for one problem."""
    content = body(status, code, detail, members=members, request_id=correlation_id.get())
    return JSONResponse(content, status, {**(headers or {}), "Cache-Control": "no-store"}, MEDIA_TYPE)


def body(
    status: int, code: str, detail: str, *, members: Mapping[str, Any] | None, request_id: str | None
) -> dict[str, Any]:
    """Return what every problem consists of."""
    return {
        "type": "about:blank",
        "title": TITLES.get(status) or HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "code": code,
        "request_id": request_id,
        **(members or {}),
    }


def of_status(status: int, headers: Mapping[str, str] | None = None) -> JSONResponse:
    """The answer for an error that has no more to say than its status."""
    code, detail = GENERIC.get(status) or ("error", HTTPStatus(status).description or HTTPStatus(status).phrase)
    return render(status, code, detail, headers=headers)


def of(error: AppError) -> JSONResponse:
    return render(error.status, error.code, error.message, headers=error.headers, members=error.members)


def field_errors(errors: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Where and why, never what was sent: no input, and no name that could not be one of ours."""
    return [
        {"loc": [_plain(part) for part in error["loc"]], "msg": error["msg"], "type": error["type"]}
        for error in errors[:MAX_ERRORS]
    ]


def _plain(part: str | int) -> str | int:
    return part if isinstance(part, int) or PLAIN_NAME.fullmatch(part) else "?"


def install(app: FastAPI) -> None:
    """Register the handlers. What they do not catch, `ProblemMiddleware` does."""
    app.add_exception_handler(AppError, _on_app_error)
    app.add_exception_handler(RequestValidationError, _on_invalid_request)
    app.add_exception_handler(ResponseValidationError, _on_invalid_answer)
    app.add_exception_handler(HTTPException, _on_http_exception)
    app.add_exception_handler(SQLAlchemyError, _on_database_error)


# Handlers are async because they only compute: as plain functions each error would cost a thread.
async def _on_app_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, AppError)
    if error.status == HTTPStatus.FORBIDDEN:
        security_event("access_denied", code=error.code, principal=viewer(request), path=request.url.path)
    return of(error)


async def _on_invalid_request(_request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    return of(Unprocessable(INVALID, errors=field_errors(error.errors())))


async def _on_invalid_answer(request: Request, error: Exception) -> Response:
    """A bug of ours. The error's own text holds the object that did not fit, so only places and kinds are logged."""
    assert isinstance(error, ResponseValidationError)
    log.error("answer_invalid", path=request.url.path, errors=[(e["loc"], e["type"]) for e in error.errors()])
    return of_status(500)


async def _on_http_exception(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        return of_status(405, {"Allow": ", ".join(_allowed(request))})
    return of_status(error.status_code, error.headers)


def _allowed(request: Request) -> list[str]:
    """Every method of this path (RFC 9110, 15.5.6); the framework names those of the first route only."""
    routes = request.app.routes
    asked = ((method, dict(request.scope, method=method)) for method in METHODS)
    return [method for method, scope in asked if any(route.matches(scope)[0] is Match.FULL for route in routes)]


async def _on_database_error(request: Request, error: Exception) -> Response:
    problem = DatabaseConflict() if isinstance(error, StaleDataError) else translate(error)
    if problem is None:
        raise error
    log.warning("database_error", code=problem.code, error=str(error), path=request.url.path)
    return of(problem)


def _ends_the_process(error: BaseException) -> bool:
    """Tell exceptions that end a task or the process from all others.

    A panic in a Rust library arrives as a `BaseException` that is not an `Exception`. It is the
    failure of one request, and the process lives on.
    """
    if isinstance(error, BaseExceptionGroup):
        return any(_ends_the_process(one) for one in error.exceptions)
    return isinstance(error, KeyboardInterrupt | SystemExit | CancelledError | GeneratorExit)


class ProblemMiddleware:
    """The last word on errors: what raised becomes a 500, what a library wrote as text becomes a problem.

    It stands inside the middlewares that add headers, so that a browser can read a 500, too.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started = replaced = False

        async def watch(message: Message) -> None:
            nonlocal started, replaced
            if message["type"] == "http.response.start":
                started = True
                headers = {key.decode("latin-1").lower(): value.decode("latin-1") for key, value in message["headers"]}
                status = message["status"]
                if status >= HTTPStatus.BAD_REQUEST and "json" not in headers.get("content-type", ""):
                    replaced = True
                    kept = {key: value for key, value in headers.items() if key in ("allow", "retry-after", "vary")}
                    await of_status(status, kept)(scope, receive, send)
            if not replaced:
                await send(message)

        try:
            await self.app(scope, receive, watch)
        except ClientDisconnect:
            return  # in the middle of its body: there is nobody to answer, and nothing is wrong here
        except BaseException as error:
            if _ends_the_process(error):
                raise
            log.exception("unhandled_error", path=scope["path"])
            if started:
                raise  # the answer is half out: the server must cut the connection
            await of_status(500)(scope, receive, send)
