"""`expand[]` replaces ids in a response with their objects, to a depth of four."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from simulator.objects import Object
from simulator.protocol.declared import Tree, class_of, is_reference, not_expandable
from simulator.protocol.errors import StripeError, unsupported_feature
from simulator.state.work import Work

MAX_DEPTH = 4
LISTS = {"list", "search_result"}

ABSENT = object()
"""Stands for a field that the call asks for but that Stripe leaves out."""

Loader = Callable[[Work, Object], Any]
_loaders: dict[tuple[str, str], Loader] = {}
_views: dict[tuple[str, str], Callable[[Object], Object]] = {}


def includable(kind: str, field: str) -> Callable[[Loader], Loader]:
    """Register the function that loads a field which an object shows only on demand.

    An example is the field `payments` of an invoice. If the field is inside a part of
    the object, `field` is a path, such as `total_details.breakdown`.
    """

    def register(loader: Loader) -> Loader:
        _loaders[kind, field] = loader
        return loader

    return register


def shown_as(field: str, kind: str, view: Callable[[Object], Object]) -> None:
    """Register how an object of this kind is shown in a field that holds its id."""
    _views[field, kind] = view


def expand(work: Work, answer: Object, paths: list[str]) -> Object:
    """Return a copy of the response with these paths expanded.

    The objects of the unit of work are not changed.
    """
    tree: Tree = {}
    for path in paths:
        parts = path.split(".")
        if len(parts) > MAX_DEPTH:
            raise StripeError(
                f"You cannot expand more than {MAX_DEPTH} levels of a property ({path}).",
                param="expand",
            )
        node = tree
        for part in parts:
            node = node.setdefault(part, {})
    _check(answer, tree)
    return _expand(work, answer, tree, Spot(answer))


def _check(answer: Object, tree: Tree) -> None:
    """Check the paths against Stripe's declarations, because a field may be null."""
    objects, place = [answer], ""
    if answer["object"] in LISTS:
        if outside := next((name for name in tree if name != "data"), None):
            raise _not_expandable(
                outside, f" You may want to try expanding 'data.{outside}' instead."
            )
        objects, place, tree = answer["data"][:1], "data", tree["data"]  # all have one kind
    for one in objects:
        if wrong := not_expandable(class_of(one["object"]), tree, _loaders, place):
            raise _not_expandable(wrong)


def _not_expandable(place: str, hint: str = "") -> StripeError:
    return StripeError(f"This property cannot be expanded ({place}).{hint}", param="expand")


@dataclass(frozen=True)
class Spot:
    """The place of a field: one of Stripe's objects, and a path inside it."""

    holder: Object
    path: str = ""

    def below(self, name: str) -> "Spot":
        return Spot(self.holder, f"{self.path}.{name}" if self.path else name)

    def inside(self, value: Object) -> "Spot":
        """Return the spot of a value of this field.

        If the value is one of Stripe's objects, a new spot begins there.
        """
        return Spot(value) if "object" in value else self


def _expand(work: Work, obj: Object, tree: Tree, spot: Spot) -> Object:
    expanded = dict(obj)
    for name, below in tree.items():
        if name not in obj and obj.get("deleted"):
            continue  # the object was removed completely
        here = spot.below(name)
        value = _value(work, obj, name, here)
        if isinstance(value, list):
            expanded[name] = [
                _expand(work, one, below, here.inside(one)) if isinstance(one, dict) else one
                for one in value
            ]
        elif isinstance(value, dict):
            expanded[name] = _expand(work, value, below, here.inside(value))
        elif value is not ABSENT:
            expanded[name] = value
    return expanded


def _value(work: Work, obj: Object, name: str, spot: Spot) -> Any:
    if name not in obj:
        loader = _loaders.get((spot.holder["object"], spot.path))
        if loader:
            return loader(work, spot.holder)
        if is_reference(class_of(spot.holder["object"]), spot.path):
            return ABSENT  # a null field, such as the `transfer` of a charge without a transfer
        if obj.get("type") in obj:
            return ABSENT  # details of another type: a card has no `us_bank_account`
        raise unsupported_feature(
            "expand", f"The simulator does not have {spot.path} of {spot.holder['object']}."
        )
    value = obj[name]
    if isinstance(value, list):
        return [_found(work, item, name) if isinstance(item, str) else item for item in value]
    return _found(work, value, name) if isinstance(value, str) else value


def _found(work: Work, object_id: str, name: str) -> Object | str:
    """Return the object with this id.

    The result is the id itself if the object was removed completely, as a test clock
    may be.
    """
    found = work.any_of(object_id, hint=name)
    view = _views.get((name, found["object"])) if found else None
    return view(found) if found and view else found or object_id
