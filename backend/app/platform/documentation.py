"""What OpenAPI says of a route beyond its shapes: the errors a client can meet, and the headers it may send."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from http import HTTPStatus
from typing import Any

from fastapi import params
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute

from app.core.errors import AppError, NotFound, TooManyRequests, Unauthenticated, Unprocessable
from app.core.fields import MAX_INT64
from app.core.pagination import InvalidCursor, PageQuery
from app.db.database import DatabaseBusy, get_db
from app.db.errors import DatabaseConflict, DatabaseTimeout, DatabaseUnavailable, UnstorableValue
from app.platform import idempotency, problems
from app.platform.conditional import Stale
from app.platform.strict_request import UnsupportedMediaType

IF_NONE_MATCH = ("If-None-Match", "The `ETag` that you have: 304 when it is still current.")
IF_MATCH = ("If-Match", "The `ETag` that you read: 412 when somebody changed the resource since.")
IDEMPOTENCY_KEY = (idempotency.HEADER, "Any unique string, kept over retries: the effect happens once, for 24 hours.")
ETAG = {"ETag": {"description": "Changes whenever the answer does.", "schema": {"type": "string"}}}
REPLAYED = {"description": "`true` on an answer that was given before.", "schema": {"type": "string"}}
CREATED: dict[int | str, dict[str, Any]] = {
    201: {"headers": {"Location": {"description": "Where to read it.", "schema": {"type": "string"}}}}
}
# The headers of errors, by status. Every operation has some: the document defines them once.
ERROR_HEADERS = {
    401: {"WWW-Authenticate": ("string", "How to sign in.")},
    429: {
        "Retry-After": ("integer", "Seconds to wait."),
        "RateLimit-Limit": ("integer", "Tries in one window."),
        "RateLimit-Remaining": ("integer", "Tries left in it."),
        "RateLimit-Reset": ("integer", "Seconds until there are more."),
    },
    503: {"Retry-After": ("integer", "Seconds to wait.")},
}
STORED_ERRORS = (
    idempotency.IdempotencyKeyReused,
    idempotency.IdempotencyInProgress,
    idempotency.AnswerNotKept,
    TooManyRequests,
)
DATABASE_ERRORS = (DatabaseBusy, DatabaseUnavailable, DatabaseTimeout, DatabaseConflict)


class BodyTooLarge(AppError):
    """Documented here, raised by the server's own body limit."""

    status = 413
    code = "body_too_large"


def is_form(body: Any) -> bool:
    return isinstance(body.field_info, params.Form)


def describe(route: Any) -> None:
    """Fill in `responses` and header parameters from what the route, its input and its dependencies say."""
    by_status: dict[int, set[type[AppError]]] = defaultdict(set)
    for error in _errors(route):
        by_status[error.status].add(error)
    own = route.responses
    route.responses = {status: _response(status, errors) for status, errors in sorted(by_status.items())} | own
    if BodyTooLarge.status in by_status:
        route.responses[BodyTooLarge.status]["description"] += f" over {route.max_body_size:,} bytes"
    success = str(route.status_code or 200)
    parameters = []
    if route.reads and not route.resource:
        parameters.append(IF_NONE_MATCH)
        route.responses[304] = {"description": "You have the current version.", "headers": ETAG}
        route.responses.setdefault(int(success), {})["headers"] = ETAG
    if route.resource:
        parameters.append(IF_MATCH)
        route.responses.setdefault(int(success), {})["headers"] = ETAG
    if route.creates:
        parameters.append(IDEMPOTENCY_KEY)
        answer = route.responses.get(int(success), {})
        headers = answer.get("headers", {}) | {"Idempotency-Replayed": REPLAYED}
        route.responses[int(success)] = answer | {"headers": headers}
    documented = [
        {"in": "header", "name": name, "required": False, "description": text, "schema": {"type": "string"}}
        for name, text in parameters
    ]
    route.openapi_extra = {"parameters": documented, **(route.openapi_extra or {})}


def _errors(route: Any) -> Iterator[type[AppError]]:
    calls = [route.endpoint, *_calls(route.dependant)]
    for call in calls:
        yield from getattr(call, "raises", ())
    if PageQuery in calls:
        yield InvalidCursor
    if get_db in calls:
        yield from DATABASE_ERRORS
        yield UnstorableValue
    if "{" in route.path:
        yield NotFound
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
        "content": {problems.MEDIA_TYPE: {"schema": schema}},
    }
    if status in ERROR_HEADERS:
        described["headers"] = {name: {"$ref": f"#/components/headers/{name}"} for name in ERROR_HEADERS[status]}
    return described


def components() -> dict[str, dict[str, Any]]:
    """What the error responses refer to: schemas and headers."""
    template = "#/components/schemas/{model}"
    validation = problems.ValidationProblem.model_json_schema(ref_template=template)
    schemas = {
        "Problem": problems.Problem.model_json_schema(ref_template=template),
        **validation.pop("$defs"),
        "ValidationProblem": validation,
    }
    headers = {
        name: {"description": text, "schema": {"type": kind}}
        for of_status in ERROR_HEADERS.values()
        for name, (kind, text) in of_status.items()
    }
    return {"schemas": schemas, "headers": headers}


def write_bounds_as_integers(node: Any) -> None:
    """FastAPI's model of a schema holds every bound as a float, which has no 2^63 - 1."""
    if isinstance(node, list):
        for item in node:
            write_bounds_as_integers(item)
    elif isinstance(node, dict):
        for name, value in node.items():
            if name in ("minimum", "maximum") and isinstance(value, float) and value.is_integer():
                node[name] = max(-MAX_INT64 - 1, min(int(value), MAX_INT64))
            else:
                write_bounds_as_integers(value)


def operation_id(route: APIRoute) -> str:
    """`blog_create_post`: what generated clients name their functions after. It moves only with the function's name."""
    return f"{route.tags[0]}_{route.name}" if route.tags else route.name
