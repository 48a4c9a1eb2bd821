"""Stripe's objects as plain dicts: encoding, visible fields, and differences."""

import json
from typing import Any

Object = dict[str, Any]
"""An object of Stripe's API: `object` is its kind, such as `customer`, and `id` its id.

Keys with a leading `_` are internal.
"""

EMBEDDED = 10  # an embedded list shows at most this many entries

_encoder = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))


def encode(value: Any) -> bytes:
    return _encoder.encode(value).encode()


def decode(data: bytes) -> Object:
    found: Object = json.loads(data)
    return found


def public_object(value: Any) -> Any:
    """Return the object as clients see it, including all objects inside it.

    Keys that begin with `_` are left out, and embedded lists are cut to their first
    page. Unchanged parts are shared, not copied.
    """
    if isinstance(value, dict):
        return {
            key: public_object(_first_page(item))
            for key, item in value.items()
            if not key.startswith("_")
        }
    if isinstance(value, list):
        return [public_object(item) for item in value]
    return value


def public_surface(obj: Object) -> Object:
    """Do what `public_object` does, for an object without embedded objects.

    Only the object's own keys can be hidden, so their values are not searched.
    """
    return {key: _first_page(value) for key, value in obj.items() if key[0] != "_"}


def _first_page(value: Any) -> Any:
    """Cut an embedded list to its first page. Other values stay unchanged.

    The `url` of the list returns all its entries.
    """
    if isinstance(value, dict) and value.get("object") == "list" and len(value["data"]) > EMBEDDED:
        return value | {"data": value["data"][:EMBEDDED], "has_more": True}
    return value


def previous_attributes(before: Object, after: Object) -> Object:
    """Return an event's `data.previous_attributes`, the old values of the changed
    fields.

    Of a changed list, the result has all old entries. Of a changed hash, the result has
    only the changed keys.
    """
    changes: Object = {}
    for key in before.keys() | after.keys():
        old, new = before.get(key), after.get(key)
        if old == new:
            continue
        if isinstance(old, dict) and isinstance(new, dict):
            changes[key] = previous_attributes(old, new)
        else:
            changes[key] = old
    return dict(sorted(changes.items()))
