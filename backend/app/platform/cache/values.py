"""Values that a feature keeps for a while, in Redis or in this process.

If Redis is configured, all processes share the values.

    rate = values.get_or_create("rates:eur", lambda: fetch_rate("eur"), seconds=300)

A value is anything that JSON can represent. A value may disappear at any time, so the
code must be able to compute it again. A key begins with the name of its feature.
Changes in the database do not delete values. The code that changes rows must delete the
values that depend on them. Otherwise such values stay for up to `seconds`.
"""

import json
import time
from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeVar

from app.core.config import get_settings

if TYPE_CHECKING:
    from .regions import Region

MOST_SECONDS = 86_400

Value = TypeVar("Value")


@lru_cache
def open_region() -> "Region":
    """Return the region of this process."""
    from .regions import new_region  # imports dogpile.cache and redis, which few processes need

    url = get_settings().redis_url
    return new_region(
        "values",
        url.get_secret_value() if url else None,
        seconds=MOST_SECONDS,
        serializer=lambda value: json.dumps(value).encode(),
        deserializer=json.loads,
    )


def get(key: str) -> Any:
    """Return the value of a key, or `None` if it is missing or has expired."""
    found = _find(key)
    return found[1] if found else None


def exists(key: str) -> bool:
    """Return whether the key has a value, which may be `None`."""
    return _find(key) is not None


def set(key: str, value: Any, *, seconds: float) -> None:  # noqa: A001 - every cache has a `set`
    """Keep a value for `seconds`, at most a day."""
    kept = _until(value, seconds)
    open_region().ask(lambda region: region.set(key, kept), lambda: None)


def delete(key: str) -> None:
    """Delete the value of a key. If there is no value, nothing happens."""
    open_region().ask(lambda region: region.delete(key), lambda: None)


def get_or_create(key: str, create: Callable[[], Value], *, seconds: float) -> Value:
    """Return the value of a key. If it is missing, call `create` and keep the result.

    If several callers need a missing value at the same time, one caller creates it, and
    the others wait. While Redis does not respond, each caller creates the value itself.
    """
    found = open_region().ask(lambda region: region.get(key), lambda: None)
    if isinstance(found, list):
        if found[0] > time.time():
            kept: Value = found[1]
            return kept
        # Delete the expired value first. Otherwise other callers would get it while one
        # caller creates the new value.
        delete(key)
    made: list[Any] = open_region().ask(
        lambda region: region.get_or_create(key, lambda: _until(create(), seconds)),
        lambda: _until(create(), seconds),
    )
    value: Value = made[1]
    return value


def _until(value: Any, seconds: float) -> list[Any]:
    return [time.time() + min(seconds, MOST_SECONDS), value]


def _find(key: str) -> list[Any] | None:
    """Return the time at which a value expires, and the value itself."""
    found: Any = open_region().ask(lambda region: region.get(key), lambda: None)
    return found if isinstance(found, list) and found[0] > time.time() else None
