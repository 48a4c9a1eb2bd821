"""The default values of fields, by type.

A `Reader` parses a default. It raises `ValueError` for a value that the field itself
would refuse.
"""

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

LEFT_OUT = "MISSING"  # the marker for a value that the database fills in
FIRST_YEAR = 1000  # the first year that MySQL supports


@dataclass(frozen=True)
class Default:
    """The default of a field, as source code for the model, the schema and the tests.

    `server` is the default for existing rows, or `None` if existing rows cannot have
    it.
    """

    column: str
    shape: str
    wire: str | None  # the value in JSON; `None` if it depends on the clock
    server: str | None
    constant: str = ""  # replaces the expression in a schema where mypy needs a declared type


Reader = Callable[[str], Default]


def string(length: int) -> Reader:
    def read(text: str) -> Default:
        if not text.strip() or text != text.strip() or len(text) > length:
            raise ValueError(f"does not have 1 to {length} characters")
        return _everywhere(ascii(text))

    return read


def one_of(words: Sequence[str]) -> Reader:
    def read(text: str) -> Default:
        if text not in words:
            raise ValueError(f"is not one of {', '.join(words)}")
        return _everywhere(ascii(text))

    return read


def whole_number(low: int, high: int) -> Reader:
    def read(text: str) -> Default:
        if not re.fullmatch(r"-?(0|[1-9][0-9]{0,18})", text) or not low <= int(text) <= high:
            raise ValueError(f"is not a whole number from {low} to {high}")
        return Default(text, text, text, ascii(text))

    return read


def decimal(precision: int, scale: int) -> Reader:
    form = rf"-?(0|[1-9][0-9]*)(\.[0-9]{{1,{scale}}})?" if scale else r"-?(0|[1-9][0-9]*)"

    def read(text: str) -> Default:
        if (
            not re.fullmatch(form, text)
            or len(text.lstrip("-").partition(".")[0]) > precision - scale
        ):
            raise ValueError(
                f"is not a number with {precision} digits, {scale} of them after the point"
            )
        try:
            exact = f"{Decimal(text).quantize(Decimal(1).scaleb(-scale)) + 0:f}"
        except InvalidOperation as error:
            raise ValueError("is not a number") from error
        source = f"Decimal({exact!r})" if scale else f"Decimal({exact})"
        return Default(source, source, repr(exact), repr(exact))

    return read


def boolean(text: str) -> Default:
    if text not in ("true", "false"):
        raise ValueError("is neither true nor false")
    return Default(
        text.capitalize(), text.capitalize(), text.capitalize(), f'literal_column("{text}")'
    )


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
        raise ValueError("is not now, the only possible default of a datetime")
    # the database's time, because several hosts compare the value
    return Default("now()", LEFT_OUT, None, None)


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
    return Default(
        source, source, repr(str(value)), repr(value.hex)
    )  # the form of a UUID in databases without a UUID type


def json_object(text: str) -> Default:
    """Read the default of a JSON object.

    Each row and each body gets its own object, so that changing one object does not
    change the others.
    """
    try:
        value = _json(strict_json.parse_strict_json(text.encode()))
    except strict_json.InvalidJson as error:
        raise ValueError(f"is not valid JSON: {error}") from error
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
    """Return a default with the same source in the model, the schema and the tests.

    Sources are written with `ascii`, because the linter refuses ambiguous characters.
    """
    return Default(source, source, source, source)


def _of_shape(shape: Any) -> Callable[[object], Any]:
    """Return a function that converts a client's value into the stored value."""
    adapter: TypeAdapter[Any] = TypeAdapter(shape)

    def read(value: object) -> Any:
        try:
            return adapter.validate_python(value)
        except ValidationError as error:
            raise ValueError(f"is refused: {error.errors()[0]['msg']}") from error

    return read


_text, _email, _link, _uuid, _json = map(
    _of_shape, (fields.Text, fields.Email, fields.Link, UUID, fields.JsonObject)
)
