"""Schemas refuse unknown fields, and tell a missing field from `null`."""

import math

import pytest
from pydantic import MISSING, ValidationError

from app.core.schemas import Input, Output, PartialInput


class Change(PartialInput):
    title: str | MISSING = MISSING
    parent: int | None | MISSING = MISSING  # noqa: RUF036 - as features write it


class Measured(Input):
    value: float


class Shown(Output):
    value: int
    note: str | None = None


def test_a_field_left_out_is_no_change():
    assert Change.model_validate({}).changes() == {}
    assert Change.model_validate({"title": "New"}).changes() == {"title": "New"}


def test_null_is_accepted_only_for_nullable_fields():
    assert Change.model_validate({"parent": None}).changes() == {"parent": None}
    with pytest.raises(ValidationError):
        Change.model_validate({"title": None})


def test_the_document_says_so_too():
    schema = Change.model_json_schema()
    assert "required" not in schema
    assert schema["properties"]["title"]["type"] == "string"
    assert {"type": "null"} in schema["properties"]["parent"]["anyOf"]
    assert "default" not in schema["properties"]["title"]


def test_an_unknown_field_is_refused():
    for shape in (Change, Measured):
        with pytest.raises(ValidationError, match="Extra inputs are not permitted"):
            shape.model_validate({"value": 1, "is_superuser": True})


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, "nan", "Infinity", 1e999])
def test_no_number_is_infinite(value):
    with pytest.raises(ValidationError):
        Measured.model_validate({"value": value})


def test_a_refusal_does_not_repeat_the_input():
    with pytest.raises(ValidationError) as refusal:
        Measured.model_validate({"value": "hunter2"})
    assert "hunter2" not in str(refusal.value)


def test_an_answer_always_has_all_its_fields():
    assert Shown.model_json_schema(mode="serialization")["required"] == ["value", "note"]
