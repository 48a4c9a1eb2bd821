"""The declarations of Stripe's objects in stripe-python's classes.

The classes are generated from Stripe's own description. They tell which fields are
objects of their own, or lists of them, and so can be expanded.
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

    Such a path ends in no object, or goes on below one that does not exist. `included`
    names further fields by their kind, which are plain parts of an object but come only
    on demand. `inside` is the kind, followed by the path of the part that `declared`
    describes.
    """
    own = _kind(declared)
    spot = (own,) if own else inside
    for name, below in tree.items():
        here = f"{place}.{name}" if place else name
        parts = list(_parts(_hints(declared).get(name)))
        known = (spot[0], ".".join([*spot[1:], name])) in included
        if not (parts if below else known or any(map(_is_object, parts))):
            return here
        wrong = (
            [_below(part, below, included, here, (*spot, name)) for part in parts] if below else []
        )
        if wrong and all(wrong):
            return wrong[0]
    return None


def is_reference(declared: type, path: str) -> bool:
    """Return whether Stripe declares the field as an object or its id.

    The path may lead through parts of the object, such as `issuer.account`.
    """
    *outer, name = path.split(".")
    for one in outer:
        parts = _parts(_hints(declared).get(one))
        declared = next((part for part in parts if isinstance(part, type)), declared)
    hint = _hints(declared).get(name)
    return str in get_args(hint) and any(map(_is_object, _parts(hint)))


def _below(
    part: Any, tree: Tree, included: Included, place: str, inside: tuple[str, ...]
) -> str | None:
    """Return the same for each alternative type of a field.

    A name that two kinds share is right if it is so for one of them.
    """
    if get_origin(part) is ListObject:
        if outside := next((name for name in tree if name != "data"), None):
            return f"{place}.{outside}"
        wrong = [
            _below(one, tree["data"], included, f"{place}.data", inside)
            for one in _parts(*get_args(part))
        ]
    else:
        candidates = _named(part.__forward_arg__) if isinstance(part, ForwardRef) else [part]
        wrong = [not_expandable(one, tree, included, place, inside) for one in candidates]
    return wrong[0] if wrong and all(wrong) else None


@cache
def _hints(declared: type) -> dict[str, Any]:
    """Return the type hints.

    Names of other classes stay names, because most are imported only for type checkers.
    """
    hints = declared.__annotations__.items()
    return {name: ForwardRef(hint) if isinstance(hint, str) else hint for name, hint in hints}


def _parts(hint: Any) -> Iterator[Any]:
    """Return the parts of a hint that have fields of their own."""
    own = isinstance(hint, type) and issubclass(hint, StripeObject)
    if own or get_origin(hint) is ListObject or isinstance(hint, ForwardRef):
        yield hint
    else:
        for inner in get_args(hint):
            yield from _parts(inner)


def _is_object(part: Any) -> bool:
    return get_origin(part) is ListObject or isinstance(part, ForwardRef) or _kind(part) is not None


def _kind(declared: type) -> str | None:
    return getattr(declared, "OBJECT_NAME", None)


@cache
def _named(name: str) -> list[type]:
    return [class_of(kind) for kind, (_, own) in OBJECT_CLASSES.items() if own == name]
