"""Field types that several features share.

A feature writes `from app.core import fields`, then `guest: fields.Email`. In request
bodies the types are strict, so OpenAPI states exactly what is accepted. For example, a
number is not accepted as a time, and `"1"` is not accepted as an integer.
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
from app.core.types import Id, validator_from

MAX_INT32 = 2**31 - 1
MAX_INT64 = 2**63 - 1
MAX_AMOUNT = 2**53 - 1  # JavaScript's Number.MAX_SAFE_INTEGER
MAX_LINK = 700  # characters; longer links do not fit a unique index on every supported database
MAX_TEXT = 10_000  # characters; fits MySQL's TEXT even if each character takes four bytes
MAX_DEPTH = 20  # nested levels of JSON; MariaDB reads at most 32
MIN_YEAR = 1000  # the first year that MySQL supports

RFC3339 = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?"
    r"([Zz]|[+-][0-9]{2}:[0-9]{2})"
)
FULL_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")

_url = TypeAdapter(AnyHttpUrl)


def canonical_link(value: str) -> str:
    """Return an absolute http(s) URL in its canonical form, with the host in IDNA.
    Raises `ValueError` for anything else.
    """
    try:
        link = str(_url.validate_python(value))
    except ValidationError as error:
        raise ValueError(
            "This is not the URL of a web page: write it as https://example.com/page"
        ) from error
    if len(link) > MAX_LINK:
        raise ValueError(f"A URL has at most {MAX_LINK} characters")
    return link


def _written(form: re.Pattern[str], kind: type, name: str) -> Callable[[object], object]:
    """Return a validator that accepts only strings of this form.

    Pydantic's own validators would also accept a number, as seconds.
    """

    def check(value: object) -> object:
        if isinstance(value, kind) or (isinstance(value, str) and form.fullmatch(value)):
            return value
        raise PydanticCustomError(
            f"{name}_invalid",
            "Write this as RFC 3339 does, such as 2030-01-31 or 2030-01-31T12:00:00Z",
        )

    return check


def _in_utc(moment: datetime) -> datetime:
    try:
        utc = moment.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("This time is outside the calendar") from error
    _in_calendar(utc)
    return utc


def _in_calendar(day: date) -> date:
    if day.year < MIN_YEAR:
        raise ValueError(f"The year must be {MIN_YEAR} or later")
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
    raise ValueError(f"JSON must not be nested more than {MAX_DEPTH} levels deep")


@dataclass(frozen=True)
class DecimalText:
    """A decimal number, written in JSON as a string such as `"12.50"`.

    The number has up to `precision` digits, of which `scale` are after the point. Most
    languages would read a JSON number as binary floating point, and round it.
    """

    precision: int
    scale: int

    @property
    def pattern(self) -> str:
        whole = self.precision - self.scale
        fraction = rf"(\.[0-9]{{1,{self.scale}}})?" if self.scale else ""
        return rf"^-?[0-9]{{1,{whole}}}{fraction}$"

    def exact(self, text: str) -> Decimal:
        """Return the number as a database does, with all digits after the point.

        Zero has no sign.
        """
        return Decimal(text).quantize(Decimal(1).scaleb(-self.scale)) + 0

    def __get_pydantic_core_schema__(
        self, _source: Any, _handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        text = core_schema.str_schema(pattern=self.pattern, strict=True)
        read = core_schema.no_info_after_validator_function(self.exact, text)
        return core_schema.union_schema(
            [core_schema.is_instance_schema(Decimal), read],
            custom_error_type="decimal_invalid",
            custom_error_message=(
                f"Write a text of up to {self.precision} digits, {self.scale} of them after the "
                "point"
            ),
            serialization=core_schema.plain_serializer_function_ser_schema(
                lambda value: f"{value:f}"
            ),
        )

    def __get_pydantic_json_schema__(
        self, _schema: CoreSchema, _handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        return {
            "type": "string",
            "pattern": self.pattern,
            "examples": [f"{Decimal(1).scaleb(-self.scale):f}"],
        }


@dataclass(frozen=True)
class OneLine:
    """A title or a name: one line with at least one visible character.

    `Annotated[str, fields.OneLine(80)]` accepts 1 to 80 characters. Surrounding spaces
    are removed.
    """

    length: int

    def __get_pydantic_core_schema__(
        self, _source: Any, _handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        text = core_schema.str_schema(strip_whitespace=True, min_length=1, max_length=self.length)
        check = validator_from(one_line, "line")
        return core_schema.no_info_before_validator_function(
            lambda value: check(value) if isinstance(value, str) else value, text
        )

    def __get_pydantic_json_schema__(
        self, _schema: CoreSchema, _handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        return {"type": "string", "minLength": 1, "maxLength": self.length, "pattern": ONE_LINE}


Email = Annotated[
    str,
    Field(max_length=320, json_schema_extra={"format": "email"}),
    AfterValidator(validator_from(canonical_email, "email")),
]
Link = Annotated[
    str,
    Field(max_length=MAX_LINK, pattern=r"^https?://[!-~]+$", examples=["https://example.com/"]),
    AfterValidator(validator_from(canonical_link, "url")),
]
Slug = Annotated[
    str,
    Field(min_length=1, max_length=MAX_SLUG, examples=["first-light"]),
    AfterValidator(validator_from(canonical_slug, "slug")),
]
Text = Annotated[str, StringConstraints(min_length=1, max_length=MAX_TEXT, pattern=r"\S")]
Currency = Annotated[
    str, Field(pattern=r"^[a-z]{3}$", examples=["eur"], description="ISO 4217, in lower case.")
]
Amount = Annotated[
    int,
    Field(
        strict=True,
        ge=-MAX_AMOUNT,
        le=MAX_AMOUNT,
        description="In minor units, such as cents.",
        examples=[1999],
    ),
]
Int32 = Annotated[int, Field(strict=True, ge=-MAX_INT32 - 1, le=MAX_INT32)]
Int64 = Annotated[int, Field(strict=True, ge=-MAX_INT64 - 1, le=MAX_INT64)]
# This type is not strict, because every query value arrives as text.
IntInQuery = Annotated[int, Field(ge=-MAX_INT64 - 1, le=MAX_INT64)]
RowId = Annotated[Id, Field(strict=True)]  # another row's id, in a request body
Day = Annotated[
    date, BeforeValidator(_written(FULL_DATE, date, "date")), AfterValidator(_in_calendar)
]
Moment = Annotated[
    AwareDatetime, BeforeValidator(_written(RFC3339, datetime, "time")), AfterValidator(_in_utc)
]  # A time without a UTC offset is refused, because it would be ambiguous.
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
