"""Shapes of single fields that features share: `from app.core import fields`, then `guest: fields.Email`.

In bodies they are strict, so that OpenAPI says exactly what is taken: no number for a time, no `"1"` for an integer.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    AnyHttpUrl,
    AwareDatetime,
    BeforeValidator,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    JsonValue,
    StringConstraints,
    TypeAdapter,
    ValidationError,
)
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from app.core.text import MAX_EMAIL, MAX_SLUG, ONE_LINE, canonical_email, canonical_slug, one_line
from app.core.types import Id, rule

MAX_INT32 = 2**31 - 1
MAX_INT64 = 2**63 - 1
MAX_AMOUNT = 2**53 - 1  # what a browser's numbers hold exactly
MAX_LINK = 700  # characters; what a unique index holds on every database
MAX_TEXT = 10_000  # characters; what MySQL's TEXT holds, whatever they are
MAX_DEPTH = 20  # MariaDB reads JSON down to 32
MIN_YEAR = 1000  # MySQL's calendar begins here

RFC3339 = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?([Zz]|[+-][0-9]{2}:[0-9]{2})"
)
FULL_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")

_url = TypeAdapter(AnyHttpUrl)


def canonical_link(value: str) -> str:
    """An absolute http(s) URL in its one form, host in IDNA. Raises `ValueError` for anything else."""
    try:
        link = str(_url.validate_python(value))
    except ValidationError as error:
        raise ValueError("This is no URL of a page on the web") from error
    if len(link) > MAX_LINK:
        raise ValueError(f"A URL has at most {MAX_LINK} characters")
    return link


def _written(form: re.Pattern[str], kind: type, name: str) -> Callable[[object], object]:
    """Refuse what is not a text of this form: pydantic alone would also take a number of seconds."""

    def check(value: object) -> object:
        if isinstance(value, kind) or (isinstance(value, str) and form.fullmatch(value)):
            return value
        raise PydanticCustomError(f"{name}_invalid", "Write it as RFC 3339 has it")

    return check


def _in_utc(moment: datetime) -> datetime:
    try:
        utc = moment.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("This is beyond the calendar") from error
    _in_calendar(utc)
    return utc


def _in_calendar(day: date) -> date:
    if day.year < MIN_YEAR:
        raise ValueError(f"Years begin at {MIN_YEAR}")
    return day


def _shallow(value: dict[str, JsonValue]) -> dict[str, JsonValue]:
    level: list[Any] = [value]
    for _ in range(MAX_DEPTH):
        level = [
            inner
            for outer in level
            if isinstance(outer, dict | list)
            for inner in (outer.values() if isinstance(outer, dict) else outer)
        ]
        if not level:
            return value
    raise ValueError(f"JSON is nested at most {MAX_DEPTH} deep")


@dataclass(frozen=True)
class DecimalText:
    """A decimal number with so many digits, `scale` of them behind the point; on the wire a text, such as `"12.50"`.

    As a JSON number most languages would read it as a binary fraction.
    """

    precision: int
    scale: int

    @property
    def pattern(self) -> str:
        whole = self.precision - self.scale
        fraction = rf"(\.[0-9]{{1,{self.scale}}})?" if self.scale else ""
        return rf"^-?[0-9]{{1,{whole}}}{fraction}$"

    def exact(self, text: str) -> Decimal:
        """With all its digits and no negative zero: what a database gives back."""
        return Decimal(text).quantize(Decimal(1).scaleb(-self.scale)) + 0

    def __get_pydantic_core_schema__(self, _source: Any, _handler: GetCoreSchemaHandler) -> CoreSchema:
        text = core_schema.str_schema(pattern=self.pattern, strict=True)
        read = core_schema.no_info_after_validator_function(self.exact, text)
        return core_schema.union_schema(
            [core_schema.is_instance_schema(Decimal), read],
            custom_error_type="decimal_invalid",
            custom_error_message=f"Write it as a text of up to {self.precision} digits, {self.scale} behind the point",
            serialization=core_schema.plain_serializer_function_ser_schema(lambda value: f"{value:f}"),
        )

    def __get_pydantic_json_schema__(self, _schema: CoreSchema, _handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {"type": "string", "pattern": self.pattern, "examples": [f"{Decimal(1).scaleb(-self.scale):f}"]}


@dataclass(frozen=True)
class OneLine:
    """A title or a name: `Annotated[str, fields.OneLine(80)]` has 1 to 80 characters, in one line, some to be seen.

    Spaces around it are taken off.
    """

    length: int

    def __get_pydantic_core_schema__(self, _source: Any, _handler: GetCoreSchemaHandler) -> CoreSchema:
        text = core_schema.str_schema(strip_whitespace=True, min_length=1, max_length=self.length)
        check = rule(one_line, "line")
        return core_schema.no_info_before_validator_function(
            lambda value: check(value) if isinstance(value, str) else value, text
        )

    def __get_pydantic_json_schema__(self, _schema: CoreSchema, _handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {"type": "string", "minLength": 1, "maxLength": self.length, "pattern": ONE_LINE}


Email = Annotated[
    str, Field(max_length=320, json_schema_extra={"format": "email"}), AfterValidator(rule(canonical_email, "email"))
]
Link = Annotated[
    str,
    Field(max_length=MAX_LINK, pattern=r"^https?://[!-~]+$", examples=["https://example.com/"]),
    AfterValidator(rule(canonical_link, "url")),
]
Slug = Annotated[
    str,
    Field(min_length=1, max_length=MAX_SLUG, examples=["first-light"]),
    AfterValidator(rule(canonical_slug, "slug")),
]
Text = Annotated[str, StringConstraints(min_length=1, max_length=MAX_TEXT, pattern=r"\S")]
Currency = Annotated[str, Field(pattern=r"^[a-z]{3}$", examples=["eur"], description="ISO 4217, in lower case.")]
Amount = Annotated[
    int,
    Field(strict=True, ge=-MAX_AMOUNT, le=MAX_AMOUNT, description="In minor units, such as cents.", examples=[1999]),
]
Int32 = Annotated[int, Field(strict=True, ge=-MAX_INT32 - 1, le=MAX_INT32)]
Int64 = Annotated[int, Field(strict=True, ge=-MAX_INT64 - 1, le=MAX_INT64)]
IntInQuery = Annotated[int, Field(ge=-MAX_INT64 - 1, le=MAX_INT64)]  # where everything arrives as text
RowId = Annotated[Id, Field(strict=True)]  # of another row, in a body
Day = Annotated[date, BeforeValidator(_written(FULL_DATE, date, "date")), AfterValidator(_in_calendar)]
Moment = Annotated[
    AwareDatetime, BeforeValidator(_written(RFC3339, datetime, "time")), AfterValidator(_in_utc)
]  # a time without a zone is refused: nobody could say when it was
JsonObject = Annotated[dict[str, JsonValue], AfterValidator(_shallow)]

__all__ = [
    "MAX_EMAIL",
    "MAX_LINK",
    "Amount",
    "Currency",
    "Day",
    "DecimalText",
    "Email",
    "Int32",
    "Int64",
    "IntInQuery",
    "JsonObject",
    "Link",
    "Moment",
    "OneLine",
    "RowId",
    "Slug",
    "Text",
]
