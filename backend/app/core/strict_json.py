"""JSON as the contract takes it: what a database or another JSON reader could choke on is refused at the door."""

import math
import re
from typing import Any

from pydantic_core import from_json

INT64 = range(-(2**63), 2**63)
# Only a body with one of these can hold a NUL, an integer beyond 64 bits or a number that reads as infinite (1e999);
# the others need no second look.
SUSPECT = re.compile(rb"\\u0000|[0-9]{19}|[eE]\+?[0-9]{3}")

Location = tuple[str | int, ...]


class InvalidJson(ValueError):
    """Refused. `loc` says where, `message` why, `type` is a stable word for programs."""

    def __init__(self, message: str, kind: str = "json_invalid", loc: Location = ()) -> None:
        super().__init__(message)
        self.message, self.type, self.loc = message, kind, loc


def parse(body: bytes) -> Any:
    """Any JSON but: invalid UTF-8, lone surrogates, NaN and infinities, nesting over 200, integers over 64 bits, NUL.

    Raises `InvalidJson`, whose text never repeats the body.
    """
    try:
        value = from_json(body, allow_inf_nan=False)
    except ValueError as error:
        raise InvalidJson(str(error)) from None
    if SUSPECT.search(body):
        _inspect(value, ())
    return value


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
