"""Shapes of single fields: what they take, what they make of it, what they refuse."""

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
]
BAD: list[tuple[Any, list[Any]]] = [
    (fields.Moment, [0, "0", "2030-01-01", "2030-01-01T12:00:00", "0999-12-31T23:00:00Z", "२०३०-01-01T00:00:00Z"]),
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
]


@pytest.mark.parametrize(("shape", "value", "written"), GOOD)
def test_what_is_right_has_one_form(shape, value, written):
    adapter = TypeAdapter(shape)
    assert adapter.dump_json(adapter.validate_python(value)).decode() == written


@pytest.mark.parametrize(("shape", "value"), [(shape, value) for shape, values in BAD for value in values])
def test_what_is_wrong_is_refused(shape, value):
    with pytest.raises(ValidationError):
        TypeAdapter(shape).validate_python(value)


def test_json_is_as_deep_as_every_database_reads_it():
    value: dict[str, object] = {}
    for _ in range(fields.MAX_DEPTH - 1):
        value = {"a": value}
    TypeAdapter(fields.JsonObject).validate_python(value)
    with pytest.raises(ValidationError, match="nested at most 20"):
        TypeAdapter(fields.JsonObject).validate_python({"a": value})


@given(st.decimals(min_value=-999, max_value=999, places=2))
def test_a_decimal_comes_back_exactly(value):
    adapter = TypeAdapter(Weight)
    text = adapter.dump_python(adapter.validate_python(f"{value:f}"), mode="json")
    assert (Decimal(text), adapter.json_schema()["type"]) == (value, "string")


def test_today_is_a_date_in_utc(clock):
    assert str(today()) == "2030-01-01"
