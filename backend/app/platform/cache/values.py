"""Values that a feature keeps for a while: in Redis for all processes if it is
configured, otherwise in this process.

    rate = values.get_or_create("rates:eur", lambda: fetch_rate("eur"), seconds=300)

A value is anything that JSON can hold. It may disappear at any time, so the code must
be able to make it again. A key begins with the name of its feature. Nothing here is
told of changes in the database. The code that changes rows deletes the values that
depend on them, or they are up to `seconds` old.
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
def _region() -> "Region":
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
    """Return the value of a key, or `None` if there is none or its time is over."""
    found = _find(key)
    return found[1] if found else None


def exists(key: str) -> bool:
    """Whether the key has a value, which may be `None`."""
    return _find(key) is not None


def set(key: str, value: Any, *, seconds: float) -> None:  # noqa: A001 - the word of every cache
    """Keep a value for so many seconds, at most a day."""
    kept = _until(value, seconds)
    _region().ask(lambda region: region.set(key, kept), lambda: None)


def delete(key: str) -> None:
    """Forget the value of a key. Without one, nothing happens."""
    _region().ask(lambda region: region.delete(key), lambda: None)


def get_or_create(key: str, create: Callable[[], Value], *, seconds: float) -> Value:
    """Return the value of a key. If there is none, `create` it and keep it.

    Of several callers at once, one creates the value, and the others wait for it. While
    Redis does not respond, each creates its own.
    """
    found = _region().ask(lambda region: region.get(key), lambda: None)
    if isinstance(found, list):
        if found[0] > time.time():
            kept: Value = found[1]
            return kept
        delete(key)  # otherwise others would get the old value while one makes the new one
    made: list[Any] = _region().ask(
        lambda region: region.get_or_create(key, lambda: _until(create(), seconds)),
        lambda: _until(create(), seconds),
    )
    value: Value = made[1]
    return value


def _until(value: Any, seconds: float) -> list[Any]:
    return [time.time() + min(seconds, MOST_SECONDS), value]


def _find(key: str) -> list[Any] | None:
    """Return the end and the value of a key."""
    found: Any = _region().ask(lambda region: region.get(key), lambda: None)
    return found if isinstance(found, list) and found[0] > time.time() else None
