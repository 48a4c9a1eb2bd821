"""Types of single fields, which accept, convert and refuse values."""

import re
from decimal import Decimal
from typing import Annotated, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from app.core import fields
from app.core.types import today

Weight = Annotated[Decimal, fields.DecimalText(5, 2)]
Whole = Annotated[Decimal, fields.DecimalText(3, 0)]
Line = Annotated[str, fields.OneLine(40)]

# These contain characters that words and emoji need: direction marks for Hebrew, a
# joiner for Persian, a family, a flag, and a separate accent.
LINES = [
    "\u05d0\u200f!",
    "\u0645\u06cc\u200c\u062e",
    "\U0001f468\u200d\U0001f469",
    "\U0001f3f4\U000e0067\U000e007f",
    "e\u0301",
    "x" * 40,
]
NO_LINES = [
    *(
        "",
        " ",
        "x" * 41,
        "a\nb",
        "a\n",
        "\ra",
        "a\tb",
        "a\x1bb",
        "a\x7f",
        "a\x85b",
        "a\u2028b",
        "a\u2029b",
        "a\vb",
        1,
    ),
    *(f"a{sign}b" for sign in "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"),
    *(
        "\u200b",
        "\u2800",
        "\u3164",
        "\xad",
        "\ufeff",
        "\u2060",
        "\u200d\u200e",
        "\U000e0041",
        "\xa0\u115f",
        "\ufe0f",
    ),
]

GOOD = [
    (fields.Moment, "2030-01-01T12:00:00+02:00", '"2030-01-01T10:00:00Z"'),
    (fields.Moment, "1000-01-01T00:00:00Z", '"1000-01-01T00:00:00Z"'),
    (fields.Day, "2030-12-31", '"2030-12-31"'),
    (fields.Link, "https://Example.com", '"https://example.com/"'),
    (fields.Email, "Ada@Example.com", '"ada@example.com"'),
    (fields.Amount, -(2**53) + 1, "-9007199254740991"),
    (fields.Currency, "eur", '"eur"'),
    (fields.JsonObject, {"a": [{"b": None}]}, '{"a":[{"b":null}]}'),
    (Weight, "1.5", '"1.50"'),
    (Weight, "-0", '"0.00"'),
    (Weight, Decimal("2.25"), '"2.25"'),
    (Whole, "-999", '"-999"'),
    (Line, "  First light\u3000", '"First light"'),
    *((Line, text, f'"{text}"') for text in LINES),
]
BAD: list[tuple[Any, list[Any]]] = [
    (
        fields.Moment,
        [
            0,
            "0",
            "2030-01-01",
            "2030-01-01T12:00:00",
            "0999-12-31T23:00:00Z",
            "२०३०-01-01T00:00:00Z",
        ],
    ),
    (fields.Moment, ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"]),
    (fields.Day, [0, "2030-02-30", "0999-01-01", "2030-01-01T00:00:00Z", True]),
    (fields.Link, ["ftp://x", "javascript:x", "https://", "https://a b", "https://é.com", 1]),
    (fields.Link, ["https://example.com/" + "x" * 681]),
    (fields.Amount, [2**53, 1.5, "1", True]),
    (fields.Int32, [2**31, -(2**31) - 1, "1", 1.0]),
    (fields.Text, ["", " \n", "x" * 10_001, 1]),
    (fields.JsonObject, [[], "{}", 1]),
    (Weight, [1.5, 1, "", "1000", "1.234", "1e2", "+1", " 1", "NaN", "-", ".5", "१"]),
    (Whole, ["1.0"]),
    (Line, NO_LINES),
]


@pytest.mark.parametrize(("shape", "value", "written"), GOOD)
def test_what_is_right_has_one_form(shape, value, written):
    adapter = TypeAdapter(shape)
    assert adapter.dump_json(adapter.validate_python(value)).decode() == written


@pytest.mark.parametrize(
    ("shape", "value"), [(shape, value) for shape, values in BAD for value in values]
)
def test_what_is_wrong_is_refused(shape, value):
    with pytest.raises(ValidationError):
        TypeAdapter(shape).validate_python(value)


def test_json_is_as_deep_as_every_database_reads_it():
    value: dict[str, object] = {}
    for _ in range(fields.MAX_DEPTH - 1):
        value = {"a": value}
    TypeAdapter(fields.JsonObject).validate_python(value)
    with pytest.raises(ValidationError, match="nested more than 20"):
        TypeAdapter(fields.JsonObject).validate_python({"a": value})


@given(st.decimals(min_value=-999, max_value=999, places=2))
def test_a_decimal_comes_back_exactly(value):
    adapter = TypeAdapter(Weight)
    text = adapter.dump_python(adapter.validate_python(f"{value:f}"), mode="json")
    assert (Decimal(text), adapter.json_schema()["type"]) == (value, "string")


def test_today_is_a_date_in_utc(clock):
    assert str(today()) == "2030-01-01"


@pytest.mark.parametrize(
    "text", [text for text in (*LINES, *NO_LINES) if isinstance(text, str)], ids=ascii
)
def test_the_pattern_of_a_line_tells_clients_the_same(text):
    """The exceptions are text of white space only, and invisible characters beyond
    U+FFFF, which need flags in JavaScript.
    """
    schema = TypeAdapter(Line).json_schema()
    fits = bool(re.fullmatch(schema["pattern"], text)) and 1 <= len(text) <= schema["maxLength"]
    assert fits == (text in LINES or text == "\U000e0041")
