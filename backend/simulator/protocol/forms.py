"""Bodies and query strings as nested dicts of strings.

The example `items[0][price]=price_1&expand[]=customer` shows the format. Arrays stay
dicts with numbers as keys here, because only the type of a parameter shows whether it
is an array or a hash.
"""

import re
from typing import Any
from urllib.parse import parse_qsl

from simulator.protocol.errors import StripeError

Raw = str | dict[str, Any]  # `Any` stands for `Raw`

MAX_DEPTH = 12
MAX_FIELDS = 5000
_KEY = re.compile(r"([^\[\]]+)((?:\[[^\[\]]*\])*)")


def decode_form(text: str) -> dict[str, Raw]:
    """Decode a form.

    Raises `StripeError` for malformed names, and for a name that has both a value and a
    hash.
    """
    form: dict[str, Raw] = {}
    try:
        pairs = parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=MAX_FIELDS)
    except ValueError as error:
        raise StripeError("Invalid request (the parameters could not be read).") from error
    for name, value in pairs:
        match = _KEY.fullmatch(name)
        path = [match[1], *match[2][1:-1].split("][")] if match and match[2] else [name]
        if not match or len(path) > MAX_DEPTH:
            raise StripeError(f"Invalid parameter name: {name[:200]}", param=name[:200])
        _insert(form, path, value, name)
    return form


def _insert(form: dict[str, Raw], path: list[str], value: str, name: str) -> None:
    node = form
    for key in path[:-1]:
        child = node.setdefault(key or _next(node), {})
        if isinstance(child, str):
            raise StripeError(
                f"Invalid parameter: {name} is used as a value and as a hash.", param=name
            )
        node = child
    node[path[-1] or _next(node)] = value


def _next(node: dict[str, Raw]) -> str:
    return str(len(node))
