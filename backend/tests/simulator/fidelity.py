"""Checks whether a response has the form of Stripe's response, as far as that is known
offline.

Responses are compared with the typed classes of stripe-python. Stripe generates these
classes from its own description of the pinned API version. They declare the fields of
every object, with their types. An `Optional` field may be absent or null, and every
other field is required. If Stripe's official fixtures are next to the project, an
object must also have each key of the fixture of its kind, unless the class no longer
declares the key.
"""

import ast
import json
import types
from collections.abc import Callable, Iterator
from decimal import Decimal, InvalidOperation
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from stripe import ListObject, StripeObject
from stripe._error_object import ErrorObject
from stripe._object_classes import OBJECT_CLASSES
from stripe._stripe_object import UntypedStripeObject

FIXTURES = Path(__file__).parents[4] / "shared" / "data" / "stripe-fixtures3.json"
OF_DELETED = {"id", "object", "deleted"}
ERROR_TYPES = {"api_error", "card_error", "idempotency_error", "invalid_request_error"}


def _is_decimal(value: object) -> bool:
    try:
        return isinstance(value, str) and Decimal(value).is_finite()
    except InvalidOperation:
        return False


PLAIN: dict[Any, Callable[[object], bool]] = {
    str: lambda value: isinstance(value, str),
    int: lambda value: isinstance(value, int) and not isinstance(value, bool),
    float: lambda value: isinstance(value, int | float) and not isinstance(value, bool),
    bool: lambda value: isinstance(value, bool),
    dict: lambda value: isinstance(value, dict),
    Decimal: _is_decimal,  # in JSON, a decimal number is a string
}


def flaws(answer: Any) -> list[str]:
    """Return the differences between a whole response of the API and Stripe's
    declarations.
    """
    match answer:
        case {"error": dict() as error}:
            return list(_of_error(error))
        case {"object": str() as kind}:
            return list(_of_resource(answer, kind))
    return ["neither an object nor an error"]


def _of_error(error: dict[str, Any]) -> Iterator[str]:
    yield from _of_fields(error, ErrorObject, "error")
    if error.get("type") not in ERROR_TYPES:
        yield f"error.type: {error.get('type')!r} is no type of error"
    if not error.get("message"):
        yield "error.message: is missing"


def _of_resource(value: dict[str, Any], path: str) -> Iterator[str]:
    if value["object"] not in OBJECT_CLASSES:
        yield f"{path}.object: {value['object']!r} is no kind of object"
        return
    if value["object"] == "search_result" and not (value := _without_undeclared_of_searches(value)):
        yield f"{path}: a search says neither `url` nor `next_page`"
        return
    module, name = OBJECT_CLASSES[value["object"]]
    yield from _of_fields(value, getattr(import_module(module), name), path)


def _without_undeclared_of_searches(value: dict[str, Any]) -> dict[str, Any]:
    """Remove the fields that the response to a search must have, although its class
    does not declare them.

    stripe-python's pagination needs a `url`, and an empty search has `next_page: None`.
    The result is empty if one of these fields is missing.
    """
    if not isinstance(value.get("url"), str) or "next_page" not in value:
        return {}
    return {key: item for key, item in value.items() if key != "url"} | {
        "next_page": value["next_page"] or ""
    }


def _of_fields(value: dict[str, Any], declared_by: type, path: str) -> Iterator[str]:
    hints = fields(declared_by)
    if declared_by is not ListObject:
        yield from (
            f"{path}.{key}: is not declared" for key in value.keys() - hints.keys() - {"object"}
        )
    wanted = (
        OF_DELETED
        if value.get("deleted") is True
        else {name for name in hints if not _optional(hints[name])}
    )
    if "deleted" not in value:
        wanted |= _official(value.get("object")) & hints.keys()
    yield from (f"{path}.{key}: is missing" for key in sorted(wanted - value.keys()))
    for key in hints.keys() & value.keys():
        yield from _of_value(value[key], hints[key], f"{path}.{key}")


def _of_value(value: object, hint: Any, path: str) -> Iterator[str]:
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        yield from _of_union(value, arguments, path)
    elif origin is Literal:
        if not isinstance(value, str | bool) or value not in arguments:
            yield f"{path}: {value!r} is none of {', '.join(map(repr, arguments))}"
    elif hint is Any or isinstance(hint, TypeVar):
        if isinstance(value, dict) and isinstance(value.get("object"), str):
            yield from _of_resource(value, path)
    elif origin is list:
        yield from _of_items(value, arguments[0], path)
    elif (origin or hint) in PLAIN:
        if not PLAIN[origin or hint](value):
            yield f"{path}: {value!r} is no {(origin or hint).__name__}"
    else:
        yield from _of_object(value, origin or hint, arguments, path)


def _of_union(value: object, members: tuple[Any, ...], path: str) -> Iterator[str]:
    """Check an enumeration. Its type would allow any text (`Literal[…] | str`).

    Our value must be one of the literals.
    """
    if value is None and type(None) in members:
        return
    members = tuple(one for one in members if one is not type(None))
    if any(get_origin(one) is Literal for one in members):
        members = tuple(one for one in members if one is not str)
    if isinstance(value, dict):
        members = tuple(one for one in members if _may_be(value, one)) or members
    found = [list(_of_value(value, one, path)) for one in members]
    yield from min(found, key=len)


def _may_be(value: dict[str, Any], member: Any) -> bool:
    name = getattr(member, "OBJECT_NAME", None)
    return member not in PLAIN and (name is None or name == value.get("object"))


def _of_items(value: object, item: Any, path: str) -> Iterator[str]:
    if not isinstance(value, list):
        yield f"{path}: {value!r} is no list"
        return
    for index, one in enumerate(value):
        yield from _of_value(one, item, f"{path}[{index}]")


def _of_object(
    value: object, declared_by: type, arguments: tuple[Any, ...], path: str
) -> Iterator[str]:
    if not isinstance(value, dict):
        yield f"{path}: {value!r} is no {declared_by.__name__}"
    elif declared_by is UntypedStripeObject:
        if arguments[0] is Any:
            yield from _of_value(value, Any, path)
        else:
            for key, one in value.items():
                yield from _of_value(one, arguments[0], f"{path}.{key}")
    elif declared_by is ListObject:
        yield from _of_fields(value, ListObject, path)
        yield from _of_items(value.get("data"), arguments[0], f"{path}.data")
    else:
        yield from _of_fields(value, declared_by, path)


@cache
def fields(declared_by: type) -> dict[str, Any]:
    """Return the declared names and types of a class, with references resolved."""
    hints = get_type_hints(declared_by, localns=_imported_for_types(declared_by.__module__))
    private = get_type_hints(
        StripeObject, localns=_imported_for_types(StripeObject.__module__)
    ).keys()
    remapped: dict[str, str] = getattr(declared_by, "_field_remappings", {})
    return {
        remapped.get(name, name): hint
        for name, hint in hints.items()
        if name not in private and not name.startswith("_") and name != "OBJECT_NAME"
    }


@cache
def _imported_for_types(module: str) -> dict[str, Any]:
    """Return the names that a module of stripe-python imports only for type
    checkers.
    """
    names: dict[str, Any] = {}
    tree = ast.parse(Path(str(import_module(module).__file__)).read_text("utf-8"))
    for block in tree.body:
        if isinstance(block, ast.If) and ast.unparse(block.test) == "TYPE_CHECKING":
            for line in block.body:
                if (
                    isinstance(line, ast.ImportFrom)
                    and line.module
                    and ".params" not in line.module
                ):
                    source = import_module(line.module)
                    names |= {
                        one.asname or one.name: getattr(source, one.name) for one in line.names
                    }
    return names


@cache
def _fixtures() -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = (
        json.loads(FIXTURES.read_text("utf-8"))["resources"] if FIXTURES.exists() else {}
    )
    return found


def _official(kind: object) -> set[str]:
    return set(_fixtures().get(str(kind), ()))


def _optional(hint: Any) -> bool:
    return type(None) in get_args(hint)
