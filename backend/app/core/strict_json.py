"""JSON as the contract takes it: what a database or another JSON reader could choke on is refused at the door."""

import math
from typing import Any

from pydantic_core import from_json

INT64 = range(-(2**63), 2**63)
MAX_ENTRIES = (
    2_000  # members and items of one body, and what holds them: each may become an error with words of its own
)

Location = tuple[str | int, ...]


class InvalidJson(ValueError):
    """Refused. `loc` says where, `message` why, `type` is a stable word for programs."""

    def __init__(self, message: str, kind: str = "json_invalid", loc: Location = ()) -> None:
        super().__init__(message)
        self.message, self.type, self.loc = message, kind, loc


def parse(body: bytes, max_entries: int = MAX_ENTRIES) -> Any:
    """Any JSON but: invalid UTF-8, lone surrogates, NaN and infinities, nesting over 200, integers over 64 bits, NUL,
    more than `max_entries` members and items.

    Raises `InvalidJson`, whose text never repeats the body.
    """
    if _has_more_entries(body, max_entries):
        raise InvalidJson(f"A body has at most {max_entries} members and items", "json_too_many")
    try:
        value = from_json(body, allow_inf_nan=False)
    except ValueError as error:
        raise InvalidJson(str(error)) from None
    _inspect(value, ())
    return value


def _has_more_entries(body: bytes, most: int) -> bool:
    """Count what stands before each member and item, without reading it: a parser would be done before it could stop.

    Every step is one pass in C, and a text that is full of commas is still one entry.
    """
    if _openers(body) <= most:
        return False
    bare = body.replace(b"\\\\", b"").replace(b'\\"', b"")  # escapes: every quotation mark now begins or ends a string
    parts = bare.split(b'"', 4 * most + 1)  # a name and a value have two marks each
    return len(parts) > 4 * most + 1 or _openers(b"".join(parts[::2])) > most


def _openers(text: bytes) -> int:
    return text.count(b",") + text.count(b"[") + text.count(b"{")


def _inspect(value: object, loc: Location) -> None:
    if isinstance(value, dict):
        for key, item in value.items():
            _refuse(key, loc)
            _inspect(item, (*loc, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            _inspect(item, (*loc, index))
    else:
        _refuse(value, loc)


def _refuse(value: object, loc: Location) -> None:
    if isinstance(value, str) and "\0" in value:
        raise InvalidJson("Strings must not hold a NUL character", "string_nul", loc)
    if isinstance(value, int) and value not in INT64:
        raise InvalidJson("Integers must fit in 64 bits", "int_overflow", loc)
    if isinstance(value, float) and math.isinf(value):
        raise InvalidJson("Numbers must be finite", "finite_number", loc)
