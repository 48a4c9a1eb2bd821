"""The description of a response in the OpenAPI document matches the response."""

from pydantic import Field

from app.core.schemas import Output


class Shown(Output):
    title: str = Field(validation_alias="shown_title")
    number: int


def test_a_field_is_described_by_its_own_name():
    """The name of the attribute that the field reads is not part of the contract."""
    shown = Shown.model_validate({"shown_title": "a", "number": 1})
    described = Shown.model_json_schema()
    assert shown.model_dump(by_alias=True) == {"title": "a", "number": 1}
    assert list(described["properties"]) == described["required"] == ["title", "number"]
