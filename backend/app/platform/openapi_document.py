"""Completes the OpenAPI document that FastAPI generates."""

import re
from threading import Lock
from typing import Any

from fastapi import FastAPI

from app.core.config import Settings
from app.core.fields import MAX_INT64

from . import examples, problems
from .openapi_routes import ERROR_HEADERS

FIRST_ROW = 1
HEALTH = {"name": "health", "description": "Is the process alive, and can it serve requests?"}
LICENSE = {"name": "MIT", "identifier": "MIT"}
SCHEMAS = "#/components/schemas/"
GENERIC = re.compile(r"([A-Z][A-Za-z0-9]*)_(\w+)_")  # pydantic's name for `Page[PostSummary]`
EXAMPLE = re.compile(rf"'{examples.REFERENCE}(\w+)'")


def application_description(settings: Settings) -> dict[str, Any]:
    """Return the description of the application, as arguments for FastAPI."""
    return {
        "servers": [{"url": settings.public_url or "/"}],
        "contact": {"name": "Liftoff", "url": settings.frontend_url or settings.public_url},
        "license_info": LICENSE,
    }


def complete_openapi(app: FastAPI, prefix: str) -> None:
    """Make `app.openapi()` return the complete document.

    The lock is needed because several requests may generate the document together.
    FastAPI stores its document before the document is finished, and Pydantic's schema
    generator is not thread-safe.
    """
    generate, lock = app.openapi, Lock()
    finished: list[dict[str, Any]] = []

    def openapi() -> dict[str, Any]:
        with lock:
            if not finished:
                finished.append(_finish(generate(), prefix))
        return finished[0]

    app.openapi = openapi  # type: ignore[method-assign]


def _finish(document: dict[str, Any], prefix: str) -> dict[str, Any]:
    for kind, parts in _components(document["paths"]).items():
        document["components"].setdefault(kind, {}).update(parts)
    for operation in (one for path in document["paths"].values() for one in path.values()):
        # An explicit empty list says that the operation is public.
        operation.setdefault("security", [])
        for parameter in operation.get("parameters", []):
            _show(parameter)
    _name_generics(document)
    _place_token_urls(document["components"], prefix)
    write_bounds_as_integers(document)
    return document


def _show(parameter: dict[str, Any]) -> None:
    """Give each path parameter an example. Pages such as `/docs` fill it in.

    A route can declare an example with `Path(examples=[…])`. The default is the id of
    the first row. Query parameters get no example, because a filled-in filter would
    narrow every list that a reader of `/docs` tries.
    """
    if parameter["in"] == "path":
        schema = parameter["schema"]
        shown = schema.pop(
            "examples", [FIRST_ROW if schema.get("type") == "integer" else "first-light"]
        )
        parameter.setdefault("example", shown[0])
    elif parameter["in"] == "query":
        schema = parameter["schema"]
        for one in (schema, *schema.get("anyOf", ())):
            # An empty parameter is ignored, so no minimum length applies.
            one.pop("minLength", None)
            if "pattern" in one:
                one["pattern"] = f"^(?:{one['pattern'].removeprefix('^').removesuffix('$')})?$"


def _components(paths: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the components that error responses refer to."""
    template = SCHEMAS + "{model}"
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
    return {
        "schemas": schemas,
        "headers": headers,
        "examples": examples.components(set(EXAMPLE.findall(str(paths)))),
    }


def _name_generics(document: dict[str, Any]) -> None:
    """Rename `Page_PostSummary_` to `PostSummaryPage`.

    Generated clients name their types after the schemas.
    """
    schemas = document["components"]["schemas"]
    names = {old: f"{found[2]}{found[1]}" for old in schemas if (found := GENERIC.fullmatch(old))}
    document["components"]["schemas"] = {
        names.get(old, old): schema for old, schema in schemas.items()
    }
    _refer(document, {f"{SCHEMAS}{old}": f"{SCHEMAS}{new}" for old, new in names.items()})


def _refer(node: Any, names: dict[str, str]) -> None:
    if isinstance(node, dict):
        if isinstance(reference := node.get("$ref"), str):
            node["$ref"] = names.get(reference, reference)
        for inner in node.values():
            _refer(inner, names)
    elif isinstance(node, list):
        for inner in node:
            _refer(inner, names)


def _place_token_urls(components: dict[str, Any], prefix: str) -> None:
    """Make token URLs absolute, because tools resolve relative URLs differently."""
    for scheme in components.get("securitySchemes", {}).values():
        for flow in scheme.get("flows", {}).values():
            if "tokenUrl" in flow and not flow["tokenUrl"].startswith(("/", "http")):
                flow["tokenUrl"] = f"{prefix}/{flow['tokenUrl']}"


def write_bounds_as_integers(node: Any) -> None:
    """Turn whole-number bounds back into integers.

    FastAPI's schema model stores every bound as a float. A float cannot represent 2**63
    - 1.
    """
    if isinstance(node, list):
        for item in node:
            write_bounds_as_integers(item)
    elif isinstance(node, dict):
        for name, value in node.items():
            if name in ("minimum", "maximum") and isinstance(value, float) and value.is_integer():
                node[name] = max(-MAX_INT64 - 1, min(int(value), MAX_INT64))
            else:
                write_bounds_as_integers(value)
