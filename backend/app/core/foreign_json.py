"""A lenient JSON parser for trusted senders, such as Stripe with its signed events.

Our own clients must send strict JSON (`app.core.strict_json`). Stripe's events may
contain text that its customers typed: a NUL, half of a surrogate pair, integers of any
size, or any number of members. If we refused such an event, Stripe would resend it for
days and we would never process it.
"""

import json
import math
import re
from typing import Any

DEEPEST = 100  # levels of nesting; deeper values are read as null
LONGEST_INTEGER = 400  # digits; a longer integer is read as text
LONE_SURROGATE = re.compile("[\ud800-\udfff]")
# A string without a closing quotation mark matches up to the end of the text. Otherwise
# each quotation mark in such a text would start another search through the rest.
STRUCTURE = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)|[\[\]{}]', re.DOTALL)


def parse_foreign_json(body: bytes) -> Any:
    """Parse JSON. Raises `ValueError` if `body` is not JSON."""
    text = body.decode("utf-8", "replace")
    try:
        return json.loads(text, parse_int=_integer)
    except RecursionError:
        pass
    try:
        return json.loads(_pruned(text), parse_int=_integer)
    except RecursionError:
        raise ValueError("The text ends inside an array or an object") from None


def parse_stored_json(body: bytes) -> Any:
    """Parse JSON for use in our own responses.

    Values that some JSON parsers cannot read are replaced with values that every parser
    can read.
    """
    return _harmless(parse_foreign_json(body), DEEPEST)


def _integer(digits: str) -> int | str:
    return int(digits) if len(digits) <= LONGEST_INTEGER else digits


def _pruned(text: str) -> str:
    """Replace each array and object that is nested too deeply with null.

    This function reads the text once, without recursion. A recursive parser would
    exceed the recursion limit.
    """
    kept, depth, start = [], 0, 0
    for sign in STRUCTURE.finditer(text):
        if sign[0] in ("[", "{"):
            depth += 1
            if depth == DEEPEST + 1:
                kept.append(text[start : sign.start()])
        elif sign[0] in ("]", "}"):
            if depth == DEEPEST + 1:
                kept.append("null")
                start = sign.end()
            depth -= 1
    return "".join([*kept, text[start:]])


def _harmless(value: Any, levels: int) -> Any:
    if isinstance(value, str):
        return LONE_SURROGATE.sub(lambda half: f"\\u{ord(half[0]):04x}", value)
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, dict | list) and levels == 0:
        return None
    if isinstance(value, dict):
        return {_harmless(name, 0): _harmless(item, levels - 1) for name, item in value.items()}
    if isinstance(value, list):
        return [_harmless(item, levels - 1) for item in value]
    return value
