"""Base classes for request and response models."""

import json
from types import UnionType
from typing import Any, Union, get_args, get_origin

from pydantic import BaseModel, ConfigDict, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema


def example_body(values: dict[str, Any]) -> ConfigDict:
    """Return a model config with an example body, which `/docs` fills in.

        model_config = example_body({"title": "First light", "content": "Hello"})

    The body must work unchanged with the demo data. A test sends every example.
    """
    return ConfigDict(json_schema_extra={"examples": [values]})


def model_of(annotation: Any) -> type[BaseModel] | None:
    """Return the model that a parameter's annotation names, or `None` for plain values.

    The annotation may be optional.
    """
    if get_origin(annotation) in (Union, UnionType):
        annotation = next((one for one in get_args(annotation) if one is not type(None)), None)
    return (
        annotation if isinstance(annotation, type) and issubclass(annotation, BaseModel) else None
    )


class Input(BaseModel):
    """A request body.

    Unknown fields are refused, so that a misspelt field is never silently ignored.
    """

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False, hide_input_in_errors=True)

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        """Describe defaults in words instead of with `default`.

        Client generators assume that a field with `default` is always present. For
        example, openapi-typescript would require `grant_type` and `scope` from callers
        of `POST /auth/token`.
        """
        written = handler(schema)
        for field in handler.resolve_ref_schema(written).get("properties", {}).values():
            default = field.pop("default", None)
            if default not in (None, ""):
                said = f"`{json.dumps(default, ensure_ascii=False)}` if it is left out."
                field["description"] = (
                    f"{field['description']} {said}" if "description" in field else said
                )
        return written


class PartialInput(Input):
    """An update, in which a missing field stays unchanged.

    Declare each field as `T | MISSING = MISSING`. Then a missing field and a null field
    mean different things, here and in OpenAPI.
    """

    def changes(self) -> dict[str, Any]:
        """Return the fields that the client sent."""
        return {name: getattr(self, name) for name in self.model_fields_set}


class Output(BaseModel):
    """A response body, filled from an ORM object or a row."""

    model_config = ConfigDict(
        from_attributes=True, json_schema_serialization_defaults_required=True
    )

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        """Describe each field by its own name, not by its `validation_alias`.

        A `validation_alias` names the attribute that the field shows. Clients never see
        that name.
        """
        written = handler(schema)
        described = handler.resolve_ref_schema(written)
        names = {
            field.validation_alias: name
            for name, field in cls.model_fields.items()
            if isinstance(field.validation_alias, str)
        }
        if names:
            properties = described["properties"].items()
            described["properties"] = {names.get(name, name): one for name, one in properties}
            described["required"] = [names.get(name, name) for name in described["required"]]
        return written
