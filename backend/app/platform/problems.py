"""Error responses: `application/problem+json` (RFC 9457) with a stable `code`."""

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
from starlette.routing import Match

from app.core.config import get_settings
from app.core.errors import AppError, Unprocessable
from app.core.logging import get_logger, security_event
from app.db.documents import translate_documents_error
from app.db.errors import DatabaseConflict, translate_database_error
from app.platform.principal import current_viewer

MEDIA_TYPE = "application/problem+json"
INVALID = "Some of the input is missing or invalid. `errors` names the fields and the reasons."
MAX_ERRORS = 50
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
PLAIN_NAME = re.compile(r"[A-Za-z0-9_.\-\[\]]{1,64}")
# The code and detail of errors that arise outside the features.
GENERIC: dict[int, tuple[str, str]] = {
    400: ("bad_request", "The server cannot understand this request."),
    404: ("not_found", "There is no route with this path."),
    405: (
        "method_not_allowed",
        (
            "This path does not support this method. The Allow header lists the methods that it "
            "supports."
        ),
    ),
    413: ("body_too_large", "The body is larger than this route accepts."),
    431: (
        "headers_too_large",
        "The headers are larger than 64 kB, or the cookies or the address are larger than 16 kB.",
    ),
    500: (
        "internal_error",
        "Something failed on our side. Try again. If it fails again, report the request id.",
    ),
}
TITLES = {
    413: "Content Too Large",
    422: "Unprocessable Content",
}  # the names of these statuses differ between Python versions

log = get_logger("app.problems")


class FieldError(BaseModel):
    """An error in the input, and its location."""

    loc: list[str | int]
    msg: str
    type: str


class Problem(BaseModel):
    """The body of every error response.

    Programs should use `code`. `detail` is for people, and may change.
    """

    type: str
    title: str
    status: int
    detail: str
    code: str
    request_id: str | None


class ValidationProblem(Problem):
    """An error response that lists the invalid fields."""

    errors: list[FieldError]


def render_problem(
    status: int,
    code: str,
    detail: str,
    *,
    headers: Mapping[str, str] | None = None,
    members: Mapping[str, Any] | None = None,
) -> JSONResponse:
    """Return the response for an error."""
    content = problem_body(status, code, detail, members=members, request_id=correlation_id.get())
    return JSONResponse(
        content, status, {**(headers or {}), "Cache-Control": "no-store"}, MEDIA_TYPE
    )


def problem_body(
    status: int,
    code: str,
    detail: str,
    *,
    members: Mapping[str, Any] | None,
    request_id: str | None,
) -> dict[str, Any]:
    """Return the fields that every error response has."""
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
    """Return the response for an error that needs no more detail than its status."""
    code, detail = GENERIC.get(status) or (
        "error",
        HTTPStatus(status).description or HTTPStatus(status).phrase,
    )
    return render_problem(status, code, detail, headers=headers)


def problem_response(error: AppError) -> JSONResponse:
    return render_problem(
        error.status, error.code, error.message, headers=error.headers, members=error.members
    )


def field_errors(errors: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the location and the message of each error, without any input.

    The names of unknown fields count as input, so unusual names are replaced by `?`.
    """
    return [
        {"loc": [_plain(part) for part in error["loc"]], "msg": error["msg"], "type": error["type"]}
        for error in errors[:MAX_ERRORS]
    ]


def _plain(part: str | int) -> str | int:
    return part if isinstance(part, int) or PLAIN_NAME.fullmatch(part) else "?"


def install_problem_handlers(app: FastAPI) -> None:
    """Register the exception handlers. The envelope handles all other exceptions."""
    app.add_exception_handler(AppError, _on_app_error)
    app.add_exception_handler(RequestValidationError, _on_invalid_request)
    app.add_exception_handler(ResponseValidationError, _on_invalid_answer)
    app.add_exception_handler(HTTPException, _on_http_exception)
    app.add_exception_handler(SQLAlchemyError, _on_database_error)
    if get_settings().mongodb_url:
        # pymongo is large, and most deployments run without it.
        from pymongo.errors import PyMongoError

        app.add_exception_handler(PyMongoError, _on_documents_error)


# These handlers are `async` because they never wait. Plain functions would occupy a
# thread for each error.
async def _on_app_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, AppError)
    if error.status == HTTPStatus.FORBIDDEN:
        security_event(
            "access_denied",
            code=error.code,
            principal=current_viewer(request),
            path=request.url.path,
        )
    return problem_response(error)


async def _on_invalid_request(_request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    return problem_response(Unprocessable(INVALID, errors=field_errors(error.errors())))


async def _on_invalid_answer(request: Request, error: Exception) -> Response:
    """Log a response that does not match its model. This is a bug in our code.

    The error message contains data, so only locations and types are logged.
    """
    assert isinstance(error, ResponseValidationError)
    log.error(
        "answer_invalid",
        path=request.url.path,
        errors=[(e["loc"], e["type"]) for e in error.errors()],
    )
    return of_status(500)


async def _on_http_exception(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        return of_status(405, {"Allow": ", ".join(_allowed(request))})
    return of_status(error.status_code, error.headers)


def _allowed(request: Request) -> list[str]:
    """Return every method that this path supports (RFC 9110, 15.5.6).

    FastAPI itself lists only the methods of the first matching route.
    """
    routes = request.app.routes
    asked = ((method, dict(request.scope, method=method)) for method in METHODS)
    return [
        method
        for method, scope in asked
        if any(route.matches(scope)[0] is Match.FULL for route in routes)
    ]


async def _on_database_error(request: Request, error: Exception) -> Response:
    problem = (
        DatabaseConflict() if isinstance(error, StaleDataError) else translate_database_error(error)
    )
    if problem is None:
        raise error
    log.warning("database_error", code=problem.code, error=str(error), path=request.url.path)
    return problem_response(problem)


async def _on_documents_error(request: Request, error: Exception) -> Response:
    problem = translate_documents_error(error)
    if problem is None:
        raise error
    log.warning("documents_error", code=problem.code, error=str(error), path=request.url.path)
    return problem_response(problem)


def ends_the_process(error: BaseException) -> bool:
    """Return whether this exception should end the task or the process.

    A panic in a Rust library is a `BaseException` but not an `Exception`. It fails only
    one request, and the process continues.
    """
    if isinstance(error, BaseExceptionGroup):
        return any(ends_the_process(one) for one in error.exceptions)
    return isinstance(error, KeyboardInterrupt | SystemExit | CancelledError | GeneratorExit)
