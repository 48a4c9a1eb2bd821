"""Bases of every shape on the wire."""

from typing import Any

from pydantic import BaseModel, ConfigDict


class Input(BaseModel):
    """What a client sends. Unknown fields are refused, so that a typing error is never a silent no."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False, hide_input_in_errors=True)


class PartialInput(Input):
    """An update: a field that is left out stays as it is. Declare each as `T | MISSING = MISSING`.

    So leaving a field out, and setting it to null, are two things, here and in OpenAPI.
    """

    def changes(self) -> dict[str, Any]:
        """The fields that the client did send."""
        return {name: getattr(self, name) for name in self.model_fields_set}


class Output(BaseModel):
    """What we send, read from an ORM object or a row."""

    model_config = ConfigDict(from_attributes=True, json_schema_serialization_defaults_required=True)
