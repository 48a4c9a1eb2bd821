"""The parameters of each call, read from stripe-python's TypedDicts.

The TypedDicts are generated from Stripe's OpenAPI document of the pinned API version,
so the simulator needs no copy of names, nesting and enumerations.
"""

import types
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cache
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from stripe import RequestOptions
from typing_extensions import is_typeddict

# Names that stripe-python imports only for type checkers.
_LOCALS = {"StripeContext": object, "Mapping": Mapping}


@dataclass
class Shape:
    """The type of one parameter.

    Of an enumeration, only the listed values are accepted, although stripe-python
    accepts any string.
    """

    clears: bool = False  # an empty string unsets the parameter
    words: list[str] = field(default_factory=list)
    scalars: set[type] = field(default_factory=set)
    hash: type | None = None  # the TypedDict of a hash
    items: Any = None  # the type of an array's elements
    values: Any = None  # the type of a free-form hash's values


@cache
def fields(hash_type: type) -> dict[str, Any]:
    """Return the names and types of an operation's parameters.

    The options of the stripe-python call itself are left out.
    """
    hints = get_type_hints(hash_type, localns=_LOCALS)
    return {
        name: hint for name, hint in hints.items() if name not in RequestOptions.__annotations__
    }


@cache
def required(hash_type: type) -> frozenset[str]:
    names: frozenset[str] = hash_type.__required_keys__  # type: ignore[attr-defined]  # every TypedDict has this attribute
    return names


def shape(hint: Any) -> Shape:
    found = Shape()
    for option in _options(hint):
        origin, arguments = get_origin(option), get_args(option)
        if origin is Literal:
            found.clears |= "" in arguments
            found.words += [word for word in arguments if word]
        elif is_typeddict(option):
            found.hash = found.hash or option
        elif origin is list:
            found.items = arguments[0]
        elif origin is dict:
            found.values = arguments[1]
        elif option in (str, int, bool, float, Decimal):
            found.scalars.add(option)
        elif option is types.NoneType:
            found.clears = True
    if found.words:
        found.scalars.discard(str)
    return found


def _options(hint: Any) -> list[Any]:
    if get_origin(hint) in (Union, types.UnionType):
        return [inner for option in get_args(hint) for inner in _options(option)]
    return [hint]
