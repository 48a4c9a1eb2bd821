"""The types of fields, each with its column, schema and filters as source code."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from scaffold import defaults
from scaffold.grammar import Token, WrongField

MAX_STR = 1000
MAX_KEY = 700  # characters in a unique or indexed column; MySQL allows 3072 bytes in a key
MAX_WORD = 40
MAX_DIGITS = 15  # digits that SQLite's float represents exactly
WORD = re.compile(r"[a-z][a-z0-9_]*")
CURRENCY = re.compile(r"[a-z]{3}")


@dataclass(frozen=True)
class Kind:
    """A type of field.

    In source code, `{alias}` stands for the name of the field's type.
    """

    python: str
    shape: str
    column: str = ""  # the column type, if `python` does not imply it
    implied: str = ""  # the column type, if `python` implies it
    alias: str | None = None
    read: str | None = None  # the type in responses, if it differs from the type in requests
    query: str | None = None  # the type in a filter; `None` if the column cannot be indexed
    ranged: bool = False  # whether filters are bounds rather than an exact value
    key: bool = False  # whether a field of this type may be unique
    searched: bool = False
    width: int = 0  # characters in the column
    default: defaults.Reader | None = None  # `None` for a type that no field can have


def kind_of(token: Token) -> Kind:
    """Return the type of a field. Raises `WrongField` if the type is unknown."""
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


def _numbers(token: Token, *usual: int) -> list[int]:
    """Return the arguments as numbers, or `usual` if there are no arguments."""
    if not token.arguments:
        return list(usual)
    if len(token.arguments) != len(usual) or not all(
        re.fullmatch("[0-9]{1,4}", text) for text in token.arguments
    ):
        raise WrongField(
            token.text, f"{token.kind} takes {len(usual)} number{'s' * (len(usual) > 1)}"
        )
    return [int(text) for text in token.arguments]


def _str(token: Token) -> Kind:
    (length,) = _numbers(token, 200)
    if not 1 <= length <= MAX_STR:
        raise WrongField(token.text, f"str has 1 to {MAX_STR} characters. For more, use text")
    if token.flags & {"unique", "index"} and length > MAX_KEY:
        raise WrongField(token.text, f"a database indexes up to {MAX_KEY} characters")
    return Kind(
        python="str",
        column=f"String({length})",
        alias=f"Annotated[str, fields.OneLine({length})]",
        shape="{alias}",
        read="str",
        query=f"Annotated[str | None, Field(max_length={length})]",
        key=True,
        searched=True,
        width=length,
        default=defaults.string(length),
    )


def _decimal(token: Token) -> Kind:
    precision, scale = _numbers(token, 12, 2)
    if not 0 <= scale < precision <= MAX_DIGITS:
        raise WrongField(
            token.text,
            f"decimal has up to {MAX_DIGITS} digits, and fewer than that after the point",
        )

    return Kind(
        python="Decimal",
        column=f"ExactDecimal({precision}, {scale})",
        alias=f"Annotated[Decimal, fields.DecimalText({precision}, {scale})]",
        shape="{alias}",
        query="{alias} | None",
        ranged=True,
        default=defaults.decimal(precision, scale),
    )


def _enum(token: Token) -> Kind:
    words = token.arguments
    if not words:
        raise WrongField(token.text, "enum needs its words: enum(draft,paid)")
    for word in words:
        if not WORD.fullmatch(word) or len(word) > MAX_WORD:
            raise WrongField(
                token.text,
                f"{word!r} is not a word of a-z, 0-9 and _ with at most {MAX_WORD} characters",
            )
    if len(set(words)) < len(words):
        raise WrongField(token.text, "a word appears twice")

    return Kind(
        python="{alias}",
        column=f"String({MAX_WORD})",
        shape="{alias}",
        query="{alias} | None",
        width=MAX_WORD,
        default=defaults.one_of(words),
    )


def _money(token: Token) -> Kind:
    if len(token.arguments) > 1 or not all(CURRENCY.fullmatch(text) for text in token.arguments):
        raise WrongField(
            token.text, "money takes one currency of three lower-case letters, or nothing"
        )
    return Kind(
        python="int",
        implied="BigInteger()",
        shape="fields.Amount",
        read="int",
        query="fields.IntInQuery | None",
        ranged=True,
        default=defaults.whole_number(-(2**53) + 1, 2**53 - 1),
    )


INT = Kind(
    # All integers are BIGINT, because widening a column of a large table is slow.
    python="int",
    implied="BigInteger()",
    shape="fields.Int32",
    read="int",
    query="fields.IntInQuery | None",
    ranged=True,
    key=True,
    default=defaults.whole_number(-(2**31), 2**31 - 1),
)
CURRENCY_KIND = Kind(python="str", column="String(3)", shape="fields.Currency", read="str", width=3)
KINDS: Mapping[str, Callable[[Token], Kind]] = {
    "str": _str,
    "text": _plain(
        Kind(
            python="str",
            column="Text()",
            shape="fields.Text",
            read="str",
            searched=True,
            default=defaults.long_text,
        )
    ),
    "int": _plain(INT),
    "bigint": _plain(
        replace(INT, shape="fields.Int64", default=defaults.whole_number(-(2**63), 2**63 - 1))
    ),
    "decimal": _decimal,
    "money": _money,
    "bool": _plain(
        Kind(
            python="bool",
            implied="Boolean()",
            shape="StrictBool",
            read="bool",
            query="bool | None",
            default=defaults.boolean,
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
            default=defaults.day,
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
            default=defaults.moment,
        )
    ),
    "enum": _enum,
    "json": _plain(
        Kind(
            python="dict[str, Any]",
            column="JsonObject()",
            shape="fields.JsonObject",
            default=defaults.json_object,
        )
    ),
    "uuid": _plain(
        Kind(
            python="UUID",
            implied="Uuid()",
            shape="UUID",
            query="UUID | None",
            key=True,
            default=defaults.uuid,
        )
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
            default=defaults.email,
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
            default=defaults.link,
        )
    ),
    "slug": lambda _: Kind(
        python="str",
        column="String(MAX_SLUG)",
        shape="fields.Slug",
        read="str",
        query="fields.Slug | None",
        width=120,
        default=defaults.never(
            "makes no sense, because a slug is made from its field, and no two slugs are the same"
        ),
    ),
    "ref": lambda _: Kind(
        python="int",
        shape="fields.RowId",
        read="int",
        query="Id | None",
        key=True,
        default=defaults.never(
            "makes no sense, because another database has no row with that id. Use ? to make the "
            "field optional"
        ),
    ),
}
