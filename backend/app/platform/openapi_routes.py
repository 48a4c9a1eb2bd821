"""OpenAPI details of a route: its possible errors, header parameters and examples."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from http import HTTPStatus
from typing import Any

from fastapi import params
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from fastapi.utils import deep_dict_update

from app.core.errors import AppError, NotFound, TooManyRequests, Unauthenticated, Unprocessable
from app.db.database import DatabaseBusy, get_db
from app.db.errors import DatabaseConflict, DatabaseTimeout, DatabaseUnavailable, UnstorableValue

from . import examples, principal, problems
from .conditional import Stale
from .requests import idempotency
from .requests.strict_request import UnsupportedMediaType

IF_NONE_MATCH = (
    "If-None-Match",
    "The `ETag` that you have. The response is 304 if it is still current.",
)
IF_MATCH = (
    "If-Match",
    "The `ETag` that you read. If the resource has changed since then, the response is 412.",
)
IDEMPOTENCY_KEY = (
    idempotency.HEADER,
    (
        "Any unique string. Send the same string with every retry. For 24 hours, the request "
        "takes effect only once."
    ),
)
ETAG = {
    "ETag": {"description": "Changes whenever the response changes.", "schema": {"type": "string"}}
}
REPLAYED = {
    "description": "`true` if this response is repeated from the first request.",
    "schema": {"type": "string"},
}
CREATED: dict[int | str, dict[str, Any]] = {
    201: {
        "headers": {
            "Location": {"description": "Path of the new resource.", "schema": {"type": "string"}}
        }
    }
}
MOVED: dict[int | str, dict[str, Any]] = {
    308: {
        "description": "The slug has changed.",
        "headers": {
            "Location": {"description": "Path with the new slug.", "schema": {"type": "string"}}
        },
    }
}
# The headers of error responses, by status. The document defines each header only once,
# because almost every operation can return some of them.
ERROR_HEADERS = {
    401: {"WWW-Authenticate": ("string", "The authentication scheme to use.")},
    429: {
        "Retry-After": ("integer", "Seconds to wait before the next attempt."),
        "RateLimit-Limit": ("integer", "Attempts allowed in one window."),
        "RateLimit-Remaining": ("integer", "Attempts left in this window."),
        "RateLimit-Reset": ("integer", "Seconds until more attempts are allowed."),
    },
    503: {"Retry-After": ("integer", "Seconds to wait before the next attempt.")},
}
STORED_ERRORS = (
    idempotency.IdempotencyKeyReused,
    idempotency.IdempotencyInProgress,
    idempotency.AnswerNotKept,
    TooManyRequests,
)
DATABASE_ERRORS = (DatabaseBusy, DatabaseUnavailable, DatabaseTimeout, DatabaseConflict)


class BodyTooLarge(AppError):
    """The error for the server's own body limit, for the OpenAPI document."""

    status = 413
    code, detail = problems.GENERIC[413]


class RouteNotFound(NotFound):
    """The framework's error for an unknown path, for the OpenAPI document.

    A route with a path parameter can return this error, because some characters in the
    value make a different path.
    """

    code, detail = problems.GENERIC[404]


def is_form(body: Any) -> bool:
    return isinstance(body.field_info, params.Form)


def is_optional(route: Any) -> bool:
    """Return whether the route serves both anonymous callers and users.

    `app.platform.principal` marks the dependencies that decide this.
    """
    calls = list(_calls(route.dependant))
    return any(map(principal.is_optional, calls)) and not any(map(principal.is_required, calls))


def describe_route(route: Any, known: frozenset[str] | None) -> None:
    """Add responses, header parameters and examples to the OpenAPI data of a route.

    `known` contains the names of the route's query parameters.
    """
    by_status: dict[int, set[type[AppError]]] = defaultdict(set)
    for error in _errors(route):
        by_status[error.status].add(error)
    own = route.responses
    route.responses = {
        status: _response(status, errors) for status, errors in sorted(by_status.items())
    } | own
    if BodyTooLarge.status in by_status:
        route.responses[BodyTooLarge.status]["description"] += (
            f" over {route.max_body_size:,} bytes"
        )
    documented = [
        {
            "in": "header",
            "name": name,
            "required": False,
            "description": text,
            "schema": {"type": "string"},
        }
        for name, text in _headers(route)
    ]
    extra: dict[str, Any] = {"parameters": documented, **examples.of_body(route.body_field)}
    if is_optional(route):
        # An empty requirement next to the scheme means that the token is optional.
        extra["security"] = [{}]
    deep_dict_update(extra, route.openapi_extra or {})
    route.openapi_extra = extra
    content = (
        route.responses.get(Unprocessable.status, {}).get("content", {}).get(problems.MEDIA_TYPE)
    )
    if content and (shown := examples.of_validation(route, known)):
        content["examples"] = shown | content["examples"]


def _headers(route: Any) -> Iterator[tuple[str, str]]:
    """Yield the names and descriptions of the request headers of a route.

    This also adds the matching response headers to the route.
    """
    success = int(route.status_code or 200)
    if route.reads and not route.resource:
        route.responses[304] = {"description": "You have the current version.", "headers": ETAG}
        route.responses.setdefault(success, {})["headers"] = ETAG
        yield IF_NONE_MATCH
    if route.resource:
        route.responses.setdefault(success, {})["headers"] = ETAG
        yield IF_MATCH
    if route.creates:
        answer = route.responses.get(success, {})
        headers = answer.get("headers", {}) | {"Idempotency-Replayed": REPLAYED}
        route.responses[success] = answer | {"headers": headers}
        yield IDEMPOTENCY_KEY


def _errors(route: Any) -> Iterator[type[AppError]]:
    calls = [route.endpoint, *_calls(route.dependant)]
    for call in calls:
        yield from getattr(call, "raises", ())
    if get_db in calls:
        yield from DATABASE_ERRORS
        yield UnstorableValue
    if "{" in route.path:
        yield RouteNotFound
    yield Unprocessable
    if route.body_field:
        yield BodyTooLarge
        yield UnsupportedMediaType
    if route.resource:
        yield Stale
    yield from _errors_of_writing(route, calls)


def _errors_of_writing(route: Any, calls: Sequence[Any]) -> Iterator[type[AppError]]:
    if route.creates:
        yield idempotency.InvalidIdempotencyKey
    if route.stores:
        yield from STORED_ERRORS
    elif route.limited and any(Unauthenticated in getattr(call, "raises", ()) for call in calls):
        yield TooManyRequests


def _calls(dependant: Dependant) -> Iterator[Any]:
    for inner in dependant.dependencies:
        yield inner.call
        yield from _calls(inner)


def _response(status: int, errors: set[type[AppError]]) -> dict[str, Any]:
    base = "ValidationProblem" if status == HTTPStatus.UNPROCESSABLE_ENTITY else "Problem"
    codes = sorted({error.code for error in errors})
    extra = {name: schema for error in errors for name, schema in error.extra.items()}
    properties = {"code": {"type": "string", "enum": codes}, **extra}
    narrowed = {"type": "object", "required": ["code"], "properties": properties}
    schema = {"allOf": [{"$ref": f"#/components/schemas/{base}"}, narrowed]}
    described: dict[str, Any] = {
        "description": ", ".join(f"`{code}`" for code in codes),
        "content": {
            problems.MEDIA_TYPE: {"schema": schema, "examples": examples.of_errors(errors)}
        },
    }
    if status in ERROR_HEADERS:
        described["headers"] = {
            name: {"$ref": f"#/components/headers/{name}"} for name in ERROR_HEADERS[status]
        }
    return described


def operation_id(route: APIRoute) -> str:
    """Return an id such as `blog_create_post`. Generated clients use it as the name of
    a function.

    The id changes only if the route's function is renamed.
    """
    return f"{route.tags[0]}_{route.name}" if route.tags else route.name
