"""Turns a decoded form into `Params`, or raises the error that Stripe would return."""

import re
from decimal import Decimal, InvalidOperation
from typing import Any

from simulator.protocol.errors import StripeError
from simulator.protocol.forms import Raw
from simulator.protocol.parameters import Params
from simulator.protocol.schema import Shape, fields, required, shape

_INTEGER = re.compile(r"[+-]?\d{1,18}")
_BOOLEANS = {"true": True, "false": False, "1": True, "0": False}


def check(hash_type: type | None, form: dict[str, Raw]) -> Params:
    """Check the parameters.

    Raises `StripeError` for an unknown parameter, a missing one, or a wrong type.
    """
    unknown = list(_unknown(hash_type, form, ""))
    if unknown:
        noun = "parameter" if len(unknown) == 1 else "parameters"
        message = f"Received unknown {noun}: {', '.join(unknown)}"
        raise StripeError(message, code="parameter_unknown", param=unknown[0])
    return _hash(hash_type, form, "")


def _unknown(hash_type: type | None, form: dict[str, Raw], path: str) -> list[str]:
    known = fields(hash_type) if hash_type else {}
    found = []
    for name, raw in form.items():
        place = f"{path}[{name}]" if path else name
        if name not in known:
            found.append(place)
        elif isinstance(raw, dict):
            wanted = shape(known[name])
            if wanted.hash:
                found += _unknown(wanted.hash, raw, place)
            elif inner := shape(wanted.items).hash:
                for index, item in raw.items():
                    found += (
                        _unknown(inner, item, f"{place}[{index}]") if isinstance(item, dict) else []
                    )
    return found


def _hash(hash_type: type | None, form: dict[str, Raw], path: str) -> Params:
    if hash_type is None:
        return Params({}, path)
    for name in sorted(required(hash_type)):
        if name not in form:
            place = f"{path}[{name}]" if path else name
            raise StripeError(
                f"Missing required param: {place}.", code="parameter_missing", param=place
            )
    known = fields(hash_type)
    values = {}
    for name, raw in form.items():
        place = f"{path}[{name}]" if path else name
        values[name] = _value(shape(known[name]), raw, place, needed=name in required(hash_type))
    return Params(values, path)


def _value(wanted: Shape, raw: Raw, path: str, *, needed: bool = False) -> Any:
    if isinstance(raw, dict):
        return _container(wanted, raw, path)
    if raw == "":
        return _empty(wanted, path, needed=needed)
    return _scalar(wanted, raw, path)


def _container(wanted: Shape, raw: dict[str, Raw], path: str) -> Any:
    if wanted.hash:
        return _hash(wanted.hash, raw, path)
    if wanted.items is not None:
        if not all(key.isdigit() for key in raw):
            raise StripeError("Invalid array", param=path)
        inner = shape(wanted.items)
        return [_value(inner, raw[key], f"{path}[{key}]") for key in sorted(raw, key=int)]
    if wanted.values is not None:
        inner = shape(wanted.values)
        if inner.scalars == {str}:  # in metadata, an empty value removes the key
            return {key: _text(value, f"{path}[{key}]") for key, value in raw.items()}
        return {key: _value(inner, value, f"{path}[{key}]") for key, value in raw.items()}
    raise StripeError(f"Invalid string: {raw}", param=path)


def _text(raw: Raw, path: str) -> str:
    if isinstance(raw, dict):
        raise StripeError(f"Invalid string: {raw}", param=path)
    return raw


def _empty(wanted: Shape, path: str, *, needed: bool) -> Any:
    """Return the value that an empty string stands for.

    Raises if an empty string has no meaning for this parameter. An empty string also
    unsets an optional string, although Stripe's OpenAPI document says this only of
    parameters of other types.
    """
    if wanted.clears or (wanted.scalars == {str} and not needed):
        return None
    if wanted.values is not None:
        return {}
    raise StripeError(
        f"You passed an empty string for '{path}'. We assume empty values are an attempt to unset "
        f"a parameter; however '{path}' cannot be unset. You should remove '{path}' from your "
        "request or supply a non-empty value.",
        code="parameter_invalid_empty",
        param=path,
    )


def _scalar(wanted: Shape, raw: str, path: str) -> Any:
    if raw in wanted.words:
        return raw
    if bool in wanted.scalars and raw in _BOOLEANS:
        return _BOOLEANS[raw]
    if int in wanted.scalars and _INTEGER.fullmatch(raw):
        return int(raw)
    if wanted.scalars & {float, Decimal} and (number := _decimal(raw)) is not None:
        return (
            f"{number:f}" if Decimal in wanted.scalars else float(number)
        )  # in JSON, Stripe's decimal numbers are strings
    if str in wanted.scalars:
        return raw
    raise _mismatch(wanted, raw, path)


def _decimal(raw: str) -> Decimal | None:
    try:
        number = Decimal(raw)
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def _mismatch(wanted: Shape, raw: str, path: str) -> StripeError:
    if wanted.words:
        *first, last = sorted(wanted.words)
        choices = (
            f"{', '.join(first)}, or {last}" if len(first) > 1 else " or ".join([*first, last])
        )
        name = path.rpartition("[")[2].rstrip("]")
        return StripeError(f"Invalid {name}: must be one of {choices}", param=path)
    if int in wanted.scalars:
        return StripeError(f"Invalid integer: {raw}", code="parameter_invalid_integer", param=path)
    if bool in wanted.scalars:
        return StripeError(f"Invalid boolean: {raw}", param=path)
    if wanted.scalars:
        return StripeError(f"Invalid decimal: {raw}", param=path)
    return StripeError(
        "Invalid array" if wanted.items is not None else "Invalid object", param=path
    )
