"""Stripe's objects as plain dicts: encoding, what the outside sees of them, and how two
states differ.
"""

import json
from typing import Any

Object = dict[str, Any]
"""Has `object`, its kind (`customer`, `checkout.session`), and `id`. Keys with a
leading `_` are ours alone.
"""

EMBEDDED = 10  # as many of its list an object shows

_encoder = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))


def encode(value: Any) -> bytes:
    return _encoder.encode(value).encode()


def decode(data: bytes) -> Object:
    found: Object = json.loads(data)
    return found


def public(value: Any) -> Any:
    """As the outside sees it, at any depth: without keys that begin with `_`, and with
    the first of embedded lists. Untouched parts are shared, not copied.
    """
    if isinstance(value, dict):
        return {
            key: public(_first_page(item)) for key, item in value.items() if not key.startswith("_")
        }
    if isinstance(value, list):
        return [public(item) for item in value]
    return value


def surface(obj: Object) -> Object:
    """As `public`, of one object that holds no others whole: its own keys are all that
    can be hidden.
    """
    return {key: _first_page(value) for key, value in obj.items() if key[0] != "_"}


def _first_page(value: Any) -> Any:
    """Of a list inside an object; all of it is listed under its `url`."""
    if isinstance(value, dict) and value.get("object") == "list" and len(value["data"]) > EMBEDDED:
        return value | {"data": value["data"][:EMBEDDED], "has_more": True}
    return value


def previous_attributes(before: Object, after: Object) -> Object:
    """What `data.previous_attributes` of an event holds: old values of what changed;
    lists whole, hashes in part.
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
