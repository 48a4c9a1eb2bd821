"""Examples in the OpenAPI document: request bodies for `/docs`, and errors.

Each example is written only once. The example of a body is part of its model
(`app.core.schemas.example_body`). The example of an error is created by the code that
raises the error.
"""

from collections.abc import Iterable
from typing import Any

from pydantic import ValidationError

from app.core.errors import AppError, Unprocessable
from app.core.schemas import model_of

from . import problems
from .requests import query_rules

REQUEST_ID = "5f0c2a9e4b7d4c1f9a3e8d6b2c7f1a05"
REFERENCE = "#/components/examples/"
UNKNOWN = "unknown"

_errors: dict[str, dict[str, Any]] = {}


def of_body(body_field: Any) -> dict[str, Any]:
    """Return the part of an operation that contains the example of its body.

    The result is empty if the model has no example.
    """
    model = body_field and model_of(body_field.field_info.annotation)
    extra = model.model_config.get("json_schema_extra") if model else None
    if not isinstance(extra, dict) or "examples" not in extra:
        return {}
    media = getattr(body_field.field_info, "media_type", "application/json")
    return {"requestBody": {"content": {media: {"example": extra["examples"][0]}}}}  # type: ignore[index]  # JSON


def of_errors(errors: Iterable[type[AppError]]) -> dict[str, Any]:
    """Return a reference to an example of each error, listing the features' own errors
    first.

    `components` returns the examples themselves.
    """
    found = {}
    for error in sorted(
        errors, key=lambda one: ("app.routers." not in one.__module__, one.code, one.__name__)
    ):
        if error is Unprocessable:
            continue  # the example differs between routes
        name = _name_of(error)
        _errors[name] = {"summary": error.detail, "value": _problem(error)}
        found[name] = {"$ref": REFERENCE + name}
    return found


def components(names: Iterable[str]) -> dict[str, Any]:
    return {name: _errors[name] for name in sorted(names) if name in _errors}


def of_validation(route: Any, known: frozenset[str] | None) -> dict[str, Any]:
    """Return an example of the error with which this route refuses an invalid body or
    query.
    """
    errors = _body_errors(route) or _query_errors(known)
    if not errors:
        return {}
    detail, found = errors
    error = Unprocessable(detail, errors=problems.field_errors(found))
    return {"ValidationError": {"summary": detail, "value": _value(error)}}


def _body_errors(route: Any) -> tuple[str, list[Any]] | None:
    """Return the errors for an empty body, or for an unknown field if an empty body is
    valid.
    """
    model = route.body_field and model_of(route.body_field.field_info.annotation)
    if not model:
        return None
    for body in ({}, {UNKNOWN: 1}):
        try:
            model.model_validate(body)
        except ValidationError as error:
            return problems.INVALID, [
                one | {"loc": ("body", *one["loc"])} for one in error.errors()
            ]
    return None


def _query_errors(known: frozenset[str] | None) -> tuple[str, list[Any]] | None:
    """Return the error for a query parameter whose name lacks the last letter."""
    if known is None:
        return None
    nearest = next((name for name in sorted(known) if name[:-1] not in known), "")
    error = query_rules.query_refusal([nearest[:-1] or UNKNOWN], known)
    return error.message, error.members["errors"]


def _problem(error: type[AppError]) -> dict[str, Any]:
    if made := getattr(error, "example", None):
        return _value(made())
    members = {name: schema.get("examples", [None])[0] for name, schema in error.extra.items()}
    if issubclass(error, Unprocessable):
        members = {"errors": []} | members
    return problems.problem_body(
        error.status, error.code, error.detail, members=members, request_id=REQUEST_ID
    )


def _value(error: AppError) -> dict[str, Any]:
    return problems.problem_body(
        error.status, error.code, error.message, members=error.members, request_id=REQUEST_ID
    )


def _name_of(error: type[AppError]) -> str:
    """Return the name of an example, such as `BlogPostNotFound`.

    The name includes the feature, because two features may have errors of the same
    name.
    """
    _, _, inside = error.__module__.partition("app.routers.")
    return inside.partition(".")[0].title().replace("_", "") + error.__name__
