"""The default of a field, by its type. A `Reader` raises `ValueError` for what the field would refuse."""

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any
from uuid import UUID

from pydantic import TypeAdapter, ValidationError

from app.core import fields, strict_json

LEFT_OUT = "MISSING"  # from a shape: the database fills it in
FIRST_YEAR = 1000  # of MySQL's calendar


@dataclass(frozen=True)
class Default:
    """As an expression in a model, a shape and a test, and as what rows that are there get (None: has none)."""

    column: str
    shape: str
    wire: str | None  # in JSON; None where it depends on the clock
    server: str | None
    constant: str = ""  # instead of the expression in a shape, where mypy wants its type said


Reader = Callable[[str], Default]


def string(length: int) -> Reader:
    def read(text: str) -> Default:
        if not text.strip() or text != text.strip() or len(text) > length:
            raise ValueError(f"has not 1 to {length} characters")
        return _everywhere(ascii(text))

    return read


def one_of(words: Sequence[str]) -> Reader:
    def read(text: str) -> Default:
        if text not in words:
            raise ValueError(f"is none of {', '.join(words)}")
        return _everywhere(ascii(text))

    return read


def whole_number(low: int, high: int) -> Reader:
    def read(text: str) -> Default:
        if not re.fullmatch(r"-?(0|[1-9][0-9]{0,18})", text) or not low <= int(text) <= high:
            raise ValueError(f"is no whole number from {low} to {high}")
        return Default(text, text, text, ascii(text))

    return read


def decimal(precision: int, scale: int) -> Reader:
    form = rf"-?(0|[1-9][0-9]*)(\.[0-9]{{1,{scale}}})?" if scale else r"-?(0|[1-9][0-9]*)"

    def read(text: str) -> Default:
        if not re.fullmatch(form, text) or len(text.lstrip("-").partition(".")[0]) > precision - scale:
            raise ValueError(f"is no number of {precision} digits, {scale} behind the point")
        try:
            exact = f"{Decimal(text).quantize(Decimal(1).scaleb(-scale)) + 0:f}"
        except InvalidOperation as error:
            raise ValueError("is no number") from error
        source = f"Decimal({exact!r})" if scale else f"Decimal({exact})"
        return Default(source, source, repr(exact), repr(exact))

    return read


def boolean(text: str) -> Default:
    if text not in ("true", "false"):
        raise ValueError("is neither true nor false")
    return Default(text.capitalize(), text.capitalize(), text.capitalize(), f'literal_column("{text}")')


def day(text: str) -> Default:
    if text == "today":
        return Default("today", "Field(default_factory=today)", None, None)
    found = date.fromisoformat(text) if re.fullmatch("[0-9]{4}-[0-9]{2}-[0-9]{2}", text) else None
    if found is None or found.year < FIRST_YEAR:
        raise ValueError("is neither today nor a date such as 2030-12-31")
    source = f"date({found.year}, {found.month}, {found.day})"
    return Default(source, source, repr(text), repr(text))


def moment(text: str) -> Default:
    if text != "now":
        raise ValueError("is not now, the only default of a time")
    return Default("now()", LEFT_OUT, None, None)  # the database's time: hosts compare it


def currency(code: str) -> Default:
    return _everywhere(repr(code))


def email(text: str) -> Default:
    return _everywhere(ascii(_email(text)))


def link(text: str) -> Default:
    return _everywhere(ascii(_link(text)))


def long_text(text: str) -> Default:
    source = ascii(_text(text))
    return Default(source, source, source, f"TextDefault({source})")


def uuid(text: str) -> Default:
    value: UUID = _uuid(text)
    source = f'UUID("{value}")'
    return Default(source, source, repr(str(value)), repr(value.hex))  # as columns without a type for it keep it


def json_object(text: str) -> Default:
    """A new object for each row, and a copy for each body (pydantic makes it): who changes one changes no other."""
    try:
        value = _json(strict_json.parse(text.encode()))
    except strict_json.InvalidJson as error:
        raise ValueError(f"is no JSON: {error}") from error
    source = ascii(value)
    server = f"TextDefault({json.dumps(value)!a})"
    if not value:
        return Default("dict", "Field(default_factory=dict)", source, server)
    return Default(f"lambda: {source}", source, source, server, constant=source)


def never(reason: str) -> Reader:
    def read(_text: str) -> Default:
        raise ValueError(reason)

    return read


def _everywhere(source: str) -> Default:
    """One text. Sources are `ascii`: some characters look like others, and the style of the house refuses them."""
    return Default(source, source, source, source)


def _of_shape(shape: Any) -> Callable[[object], Any]:
    """What a client's value is kept as."""
    adapter: TypeAdapter[Any] = TypeAdapter(shape)

    def read(value: object) -> Any:
        try:
            return adapter.validate_python(value)
        except ValidationError as error:
            raise ValueError(f"is refused: {error.errors()[0]['msg']}") from error

    return read


_text, _email, _link, _uuid, _json = map(_of_shape, (fields.Text, fields.Email, fields.Link, UUID, fields.JsonObject))
