"""What each type of a field is: its column, its shape on the wire, its filters. Each answer is Python source."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any
from uuid import UUID

from pydantic import TypeAdapter, ValidationError

from app.core import fields, strict_json
from scaffold.grammar import Token, WrongField

MAX_STR = 1000
MAX_KEY = 700  # characters of a column that is unique or indexed; MySQL's keys have 3072 bytes
MAX_WORD = 40
MAX_DIGITS = 15  # what SQLite's float holds exactly
WORD = re.compile(r"[a-z][a-z0-9_]*")
CURRENCY = re.compile(r"[a-z]{3}")


@dataclass(frozen=True)
class Default:
    """As an expression in a model, a shape and a test, and as what rows that are there get (None: has none)."""

    column: str
    shape: str
    wire: str | None  # in JSON; None where it depends on the clock
    server: str | None
    constant: str = ""  # instead of the expression in a shape, where mypy wants its type said


@dataclass(frozen=True)
class Kind:
    """One type of field. `{alias}` in a source stands for the name of a shape of its own."""

    python: str
    shape: str
    column: str = ""  # its type, where `python` does not say it
    implied: str = ""  # its type, where `python` does
    alias: str | None = None
    read: str | None = None  # where what is sent has another shape than what is taken
    query: str | None = None  # in a filter; None where it cannot be indexed
    ranged: bool = False  # filters by bounds, else by equality
    key: bool = False  # may be unique
    searched: bool = False
    width: int = 0  # characters of the column
    default: Callable[[str], Default] | None = None  # raises `ValueError`; None: no field has it as its type


def kind_of(token: Token) -> Kind:
    """Raises `WrongField`."""
    make = KINDS.get(token.kind)
    if make is None:
        raise WrongField(token.text, f"there is no type {token.kind!r}")
    return make(token)


def _plain(kind: Kind) -> Callable[[Token], Kind]:
    def make(token: Token) -> Kind:
        if token.arguments:
            raise WrongField(token.text, f"{token.kind} takes nothing in parentheses")
        return kind

    return make


def _numbers(token: Token, *defaults: int) -> list[int]:
    """The arguments as numbers: all of them, or none for the defaults."""
    if not token.arguments:
        return list(defaults)
    if len(token.arguments) != len(defaults) or not all(re.fullmatch("[0-9]{1,4}", text) for text in token.arguments):
        raise WrongField(token.text, f"{token.kind} takes {len(defaults)} number{'s' * (len(defaults) > 1)}")
    return [int(text) for text in token.arguments]


def _literal(read: Callable[[str], object], source: Callable[[str], str] = str) -> Callable[[str], Default]:
    """A default that is one value everywhere. `read` raises `ValueError` for a wrong one.

    Texts are `ascii`: some characters look like others, and the style of the house refuses them.
    """

    def default(text: str) -> Default:
        read(text)
        return Default(source(text), source(text), source(text), ascii(text))

    return default


def _of_shape(shape: Any) -> Callable[[object], Any]:
    """What a client's value is kept as. Raises `ValueError` for one that would be refused."""
    adapter: TypeAdapter[Any] = TypeAdapter(shape)

    def read(value: object) -> Any:
        try:
            return adapter.validate_python(value)
        except ValidationError as error:
            raise ValueError(f"is refused: {error.errors()[0]['msg']}") from error

    return read


_text, _email, _link, _uuid, _json = map(_of_shape, (fields.Text, fields.Email, fields.Link, UUID, fields.JsonObject))


def _text_default(text: str) -> Default:
    source = ascii(_text(text))
    return Default(source, source, source, f"TextDefault({source})")


def _canonical(read: Callable[[object], Any]) -> Callable[[str], Default]:
    def default(text: str) -> Default:
        source = ascii(read(text))
        return Default(source, source, source, source)

    return default


def _uuid_default(text: str) -> Default:
    value: UUID = _uuid(text)
    source = f'UUID("{value}")'
    return Default(source, source, repr(str(value)), repr(value.hex))  # as columns without a type for it keep it


def _json_default(text: str) -> Default:
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


def _never(reason: str) -> Callable[[str], Default]:
    def default(_text: str) -> Default:
        raise ValueError(reason)

    return default


def _between(low: int, high: int) -> Callable[[str], object]:
    def read(text: str) -> object:
        if not re.fullmatch(r"-?(0|[1-9][0-9]{0,18})", text) or not low <= int(text) <= high:
            raise ValueError(f"is no whole number from {low} to {high}")
        return int(text)

    return read


def _str(token: Token) -> Kind:
    (length,) = _numbers(token, 200)
    if not 1 <= length <= MAX_STR:
        raise WrongField(token.text, f"str has 1 to {MAX_STR} characters; text holds more")
    if token.flags & {"unique", "index"} and length > MAX_KEY:
        raise WrongField(token.text, f"a database indexes up to {MAX_KEY} characters")

    def read(text: str) -> None:
        if not text.strip() or text != text.strip() or len(text) > length:
            raise ValueError(f"has not 1 to {length} characters")

    return Kind(
        python="str",
        column=f"String({length})",
        alias=f"Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length={length})]",
        shape="{alias}",
        read="str",
        query=f"Annotated[str | None, Field(max_length={length})]",
        key=True,
        searched=True,
        width=length,
        default=_literal(read, ascii),
    )


def _decimal(token: Token) -> Kind:
    precision, scale = _numbers(token, 12, 2)
    if not 0 <= scale < precision <= MAX_DIGITS:
        raise WrongField(token.text, f"decimal has up to {MAX_DIGITS} digits, fewer of them behind the point")

    def default(text: str) -> Default:
        form = rf"-?(0|[1-9][0-9]*)(\.[0-9]{{1,{scale}}})?" if scale else r"-?(0|[1-9][0-9]*)"
        if not re.fullmatch(form, text) or len(text.lstrip("-").partition(".")[0]) > precision - scale:
            raise ValueError(f"is no number of {precision} digits, {scale} behind the point")
        try:
            exact = f"{Decimal(text).quantize(Decimal(1).scaleb(-scale)) + 0:f}"
        except InvalidOperation as error:
            raise ValueError("is no number") from error
        source = f"Decimal({exact!r})" if scale else f"Decimal({exact})"
        return Default(source, source, repr(exact), repr(exact))

    return Kind(
        python="Decimal",
        column=f"ExactDecimal({precision}, {scale})",
        alias=f"Annotated[Decimal, fields.DecimalText({precision}, {scale})]",
        shape="{alias}",
        query="{alias} | None",
        ranged=True,
        default=default,
    )


def _enum(token: Token) -> Kind:
    words = token.arguments
    if not words:
        raise WrongField(token.text, "enum needs its words: enum(draft,paid)")
    for word in words:
        if not WORD.fullmatch(word) or len(word) > MAX_WORD:
            raise WrongField(token.text, f"{word!r} is no word of a-z, 0-9 and _ with at most {MAX_WORD} characters")
    if len(set(words)) < len(words):
        raise WrongField(token.text, "a word stands there twice")

    def read(text: str) -> None:
        if text not in words:
            raise ValueError(f"is none of {', '.join(words)}")

    return Kind(
        python="{alias}",
        column=f"String({MAX_WORD})",
        shape="{alias}",
        query="{alias} | None",
        width=MAX_WORD,
        default=_literal(read, ascii),
    )


def _money(token: Token) -> Kind:
    if len(token.arguments) > 1 or not all(CURRENCY.fullmatch(text) for text in token.arguments):
        raise WrongField(token.text, "money takes one currency of three small letters, or nothing")
    return Kind(
        python="int",
        implied="BigInteger()",
        shape="fields.Amount",
        read="int",
        query="fields.IntInQuery | None",
        ranged=True,
        default=_literal(_between(-(2**53) + 1, 2**53 - 1)),
    )


def _bool_default(text: str) -> Default:
    if text not in ("true", "false"):
        raise ValueError("is neither true nor false")
    return Default(text.capitalize(), text.capitalize(), text.capitalize(), f'literal_column("{text}")')


def _date_default(text: str) -> Default:
    if text == "today":
        return Default("today", "Field(default_factory=today)", None, None)
    day = date.fromisoformat(text) if re.fullmatch("[0-9]{4}-[0-9]{2}-[0-9]{2}", text) else None
    if day is None or day.year < 1000:  # noqa: PLR2004 - where MySQL's calendar begins
        raise ValueError("is neither today nor a date such as 2030-12-31")
    source = f"date({day.year}, {day.month}, {day.day})"
    return Default(source, source, repr(text), repr(text))


def _now_default(text: str) -> Default:
    if text != "now":
        raise ValueError("is not now, the only default of a time")
    return Default("now", "Field(default_factory=now)", None, None)


def currency_default(code: str) -> Default:
    return Default(repr(code), repr(code), repr(code), repr(code))


INT = Kind(
    python="int",  # BIGINT, as every integer here: a column that is full cannot be widened in no time
    implied="BigInteger()",
    shape="fields.Int32",
    read="int",
    query="fields.IntInQuery | None",
    ranged=True,
    key=True,
    default=_literal(_between(-(2**31), 2**31 - 1)),
)
CURRENCY_KIND = Kind(python="str", column="String(3)", shape="fields.Currency", read="str", width=3)
KINDS: Mapping[str, Callable[[Token], Kind]] = {
    "str": _str,
    "text": _plain(
        Kind(python="str", column="Text()", shape="fields.Text", read="str", searched=True, default=_text_default)
    ),
    "int": _plain(INT),
    "bigint": _plain(replace(INT, shape="fields.Int64", default=_literal(_between(-(2**63), 2**63 - 1)))),
    "decimal": _decimal,
    "money": _money,
    "bool": _plain(
        Kind(
            python="bool",
            implied="Boolean()",
            shape="StrictBool",
            read="bool",
            query="bool | None",
            default=_bool_default,
        )
    ),
    "date": _plain(
        Kind(
            python="date",
            implied="Date()",
            shape="fields.Day",
            read="date",
            query="fields.Day | None",
            ranged=True,
            key=True,
            default=_date_default,
        )
    ),
    "datetime": _plain(
        Kind(
            python="datetime",
            implied="UtcDateTime()",
            shape="fields.Moment",
            read="datetime",
            query="fields.Moment | None",
            ranged=True,
            key=True,
            default=_now_default,
        )
    ),
    "enum": _enum,
    "json": _plain(
        Kind(python="dict[str, Any]", column="JsonObject()", shape="fields.JsonObject", default=_json_default)
    ),
    "uuid": _plain(
        Kind(python="UUID", implied="Uuid()", shape="UUID", query="UUID | None", key=True, default=_uuid_default)
    ),
    "email": _plain(
        Kind(
            python="str",
            column="String(MAX_EMAIL)",
            shape="fields.Email",
            read="str",
            query="fields.Email | None",
            key=True,
            searched=True,
            width=254,
            default=_canonical(_email),
        )
    ),
    "url": _plain(
        Kind(
            python="str",
            column="String(MAX_LINK)",
            shape="fields.Link",
            read="str",
            query="fields.Link | None",
            key=True,
            searched=True,
            width=700,
            default=_canonical(_link),
        )
    ),
    "slug": lambda _: Kind(
        python="str",
        column="String(MAX_SLUG)",
        shape="fields.Slug",
        read="str",
        query="fields.Slug | None",
        width=120,
        default=_never("makes no sense: a slug is made from its field, and no two are alike"),
    ),
    "ref": lambda _: Kind(
        python="int",
        shape="Id",
        read="int",
        query="Id | None",
        key=True,
        default=_never(
            "makes no sense: it would be the id of a row, which another database has not; ? makes it optional"
        ),
    ),
}
