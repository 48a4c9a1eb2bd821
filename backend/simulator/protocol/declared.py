"""The declarations of Stripe's objects in stripe-python's classes.

The classes are generated from Stripe's own description. They show which fields can be
expanded, because these fields hold other objects or lists of objects.
"""

from collections.abc import Collection, Iterator
from functools import cache
from importlib import import_module
from typing import Any, ForwardRef, get_args, get_origin

from stripe import ListObject, StripeObject
from stripe._object_classes import OBJECT_CLASSES

Tree = dict[str, Any]
"""A tree of names. The paths `a.b` and `a.c` become `{"a": {"b": {}, "c": {}}}`.
"""

Included = Collection[tuple[str, str]]


@cache
def class_of(kind: str) -> type:
    module, name = OBJECT_CLASSES[kind]
    found: type = getattr(import_module(module), name)
    return found


def not_expandable(
    declared: type, tree: Tree, included: Included, place: str = "", inside: tuple[str, ...] = ()
) -> str | None:
    """Return the first path of the tree that cannot be expanded.

    Such a path ends at a field that is not an object, or continues below such a field.
    `included` holds further fields that can be expanded, because they are returned only
    on demand. Each entry is the kind of the object and the path of the field. If
    `declared` describes only a part of an object, `inside` is the kind of the object,
    followed by the path of the part.
    """
    own = _kind(declared)
    spot = (own,) if own else inside
    for name, below in tree.items():
        here = f"{place}.{name}" if place else name
        parts = list(parts_of(hints_of(declared).get(name)))
        known = (spot[0], ".".join([*spot[1:], name])) in included
        if not (parts if below else known or any(map(is_object, parts))):
            return here
        wrong = (
            [_below(part, below, included, here, (*spot, name)) for part in parts] if below else []
        )
        if wrong and all(wrong):
            return wrong[0]
    return None


def is_reference(declared: type, path: str) -> bool:
    """Return whether Stripe declares that the field holds either an object or an id.

    The path may lead through parts of the object, such as `issuer.account`.
    """
    *outer, name = path.split(".")
    for one in outer:
        parts = parts_of(hints_of(declared).get(one))
        declared = next((part for part in parts if isinstance(part, type)), declared)
    hint = hints_of(declared).get(name)
    return str in get_args(hint) and any(map(is_object, parts_of(hint)))


def _below(
    part: Any, tree: Tree, included: Included, place: str, inside: tuple[str, ...]
) -> str | None:
    """Do what `not_expandable` does, for each alternative type of a field.

    A path is valid if it is valid for one of the types.
    """
    if get_origin(part) is ListObject:
        if outside := next((name for name in tree if name != "data"), None):
            return f"{place}.{outside}"
        wrong = [
            _below(one, tree["data"], included, f"{place}.data", inside)
            for one in parts_of(*get_args(part))
        ]
    else:
        candidates = _named(part.__forward_arg__) if isinstance(part, ForwardRef) else [part]
        wrong = [not_expandable(one, tree, included, place, inside) for one in candidates]
    return wrong[0] if wrong and all(wrong) else None


@cache
def hints_of(declared: type) -> dict[str, Any]:
    """Return the type hints.

    The names of other classes are not resolved, because most of these classes are
    imported only for type checkers.
    """
    hints = declared.__annotations__.items()
    return {name: ForwardRef(hint) if isinstance(hint, str) else hint for name, hint in hints}


def parts_of(hint: Any) -> Iterator[Any]:
    """Return those parts of a type hint that are classes with fields."""
    own = isinstance(hint, type) and issubclass(hint, StripeObject)
    if own or get_origin(hint) is ListObject or isinstance(hint, ForwardRef):
        yield hint
    else:
        for inner in get_args(hint):
            yield from parts_of(inner)


def is_object(part: Any) -> bool:
    return get_origin(part) is ListObject or isinstance(part, ForwardRef) or _kind(part) is not None


def _kind(declared: type) -> str | None:
    return getattr(declared, "OBJECT_NAME", None)


@cache
def _named(name: str) -> list[type]:
    return [class_of(kind) for kind, (_, own) in OBJECT_CLASSES.items() if own == name]
