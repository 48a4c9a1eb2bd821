"""`expand[]`: ids in an answer become the objects, to a depth of four."""

from collections.abc import Callable
from typing import Any

from simulator.objects import Object
from simulator.protocol.errors import StripeError
from simulator.state.work import Work

MAX_DEPTH = 4

Loader = Callable[[Work, Object], Any]
_loaders: dict[tuple[str, str], Loader] = {}


def includable(kind: str, field: str) -> Callable[[Loader], Loader]:
    """Register what gives a field that an object has only when it is asked for, such as a charge's `refunds`."""

    def register(loader: Loader) -> Loader:
        _loaders[kind, field] = loader
        return loader

    return register


def expand(work: Work, answer: Object, paths: list[str]) -> Object:
    """A copy of the answer with these paths expanded; the objects of the unit of work are left alone."""
    tree: dict[str, Any] = {}
    for path in paths:
        parts = path.split(".")
        if len(parts) - (parts[0] == "data") > MAX_DEPTH:
            raise StripeError(f"You cannot expand more than {MAX_DEPTH} levels of a property ({path}).", param="expand")
        node = tree
        for part in parts:
            node = node.setdefault(part, {})
    return _expand(work, answer, tree, "")


def _expand(work: Work, obj: Object, tree: dict[str, Any], path: str) -> Object:
    expanded = dict(obj)
    for name, below in tree.items():
        place = f"{path}.{name}" if path else name
        value = _value(work, obj, name, place)
        if isinstance(value, list):
            expanded[name] = [_expand(work, item, below, place) if isinstance(item, dict) else item for item in value]
        elif isinstance(value, dict):
            expanded[name] = _expand(work, value, below, place)
        else:
            expanded[name] = value
    return expanded


def _value(work: Work, obj: Object, name: str, place: str) -> Any:
    if name in obj:
        value = obj[name]
        if value is None or isinstance(value, dict):
            return value
        if isinstance(value, list):
            return [_found(work, item, name, place) if isinstance(item, str) else item for item in value]
        if isinstance(value, str):
            return _found(work, value, name, place)
    elif loader := _loaders.get((obj.get("object", ""), name)):
        return loader(work, obj)
    raise _not_expandable(place)


def _found(work: Work, object_id: str, name: str, place: str) -> Object:
    if (found := work.any_of(object_id, hint=name)) is None:
        raise _not_expandable(place)
    return found


def _not_expandable(place: str) -> StripeError:
    return StripeError(
        f"This property cannot be expanded ({place}). You may want to try expanding 'data.{place}' if this is a list.",
        param="expand",
    )
