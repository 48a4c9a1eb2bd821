"""Reads the path and the query of a request, if all parameters are plain values.

FastAPI examines the type of each parameter in each request, which takes longer than
reading the value. Here, the types are examined once for each route. FastAPI itself
still validates the values. It also reads everything that is not plain: lists, JSON,
headers, cookies, and parameters with several names. If the input is invalid, FastAPI
reads it again, and describes the errors.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from fastapi import Request
from fastapi._compat import ModelField
from fastapi._compat.shared import field_annotation_is_sequence
from fastapi.dependencies.models import Dependant
from pydantic import BaseModel, Json
from pydantic.fields import FieldInfo

Values = dict[str, Any]

UNCHANGEABLE = (str, int, float, bool, type(None))  # types of defaults that need not be copied


class Parameter(NamedTuple):
    """A parameter, or a model of several parameters, with its names in the request."""

    field: ModelField
    loc: tuple[str, ...]
    keys: tuple[str, ...]  # the names in the request
    is_model: bool

    def value_in(self, given: Mapping[str, str]) -> Any:
        """Return what the client sent, or `None` if it sent nothing."""
        if self.is_model:
            return {key: given[key] for key in self.keys if key in given}
        return given.get(self.keys[0])


class Parameters:
    """The parameters of one function."""

    def __init__(self, path: list[Parameter], query: list[Parameter], request: str | None) -> None:
        self._path = path
        self._query = query
        self._request_name = request

    def read(self, request: Request) -> Values | None:
        """Return the arguments, or `None` if a value is missing or invalid."""
        values: Values = {}
        if self._request_name is not None:
            values[self._request_name] = request
        for parameters, given in (
            (self._path, request.path_params),
            (self._query, request.query_params if self._query else {}),
        ):
            for parameter in parameters:
                field = parameter.field
                value = parameter.value_in(given)
                if value is None:
                    if field.field_info.is_required():
                        return None
                    values[field.name] = field.field_info.default
                    continue
                value, errors = field.validate(value, values, loc=parameter.loc)
                if errors:
                    return None
                values[field.name] = value
        return values


def parameters_of(dependant: Dependant) -> Parameters | None:
    """Return the parameters of a function, or `None` if FastAPI must read them."""
    others = (
        dependant.header_params,
        dependant.cookie_params,
        dependant.body_params,
        dependant.http_connection_param_name,
        dependant.response_param_name,
        dependant.background_tasks_param_name,
    )
    path = [_parameter(field, "path") for field in dependant.path_params]
    query = [_parameter(field, "query") for field in dependant.query_params]
    plain = [one for one in (*path, *query) if one is not None]
    if any(others) or len(plain) < len(path) + len(query):
        return None
    return Parameters(plain[: len(path)], plain[len(path) :], dependant.request_param_name)


def _parameter(field: ModelField, place: str) -> Parameter | None:
    info = field.field_info
    kind = info.annotation
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        keys = _keys_of(kind)
        return (
            Parameter(field, (place,), keys, is_model=True) if keys and info.is_required() else None
        )
    if not _is_plain(info) or not (info.is_required() or _has_plain_default(info)):
        return None
    return Parameter(field, (place, field.alias), (field.alias,), is_model=False)


def _keys_of(model: type[BaseModel]) -> tuple[str, ...]:
    """Return the names of a plain model's parameters, or no names for other models."""
    checks = model.__pydantic_decorators__
    own_rules = checks.model_validators or model.model_config.get("extra", "ignore") != "ignore"
    fields: Sequence[tuple[str, FieldInfo]] = list(model.model_fields.items())
    if (
        own_rules
        or model.model_config.get("alias_generator")
        or not all(_is_plain(info) for _, info in fields)
    ):
        return ()
    return tuple(info.alias or name for name, info in fields)


def _is_plain(info: FieldInfo) -> bool:
    json = any(type(one) is Json for one in info.metadata)
    renamed = info.validation_alias not in (None, info.alias)
    model = isinstance(info.annotation, type) and issubclass(info.annotation, BaseModel)
    return not (json or renamed or model or field_annotation_is_sequence(info.annotation))


def _has_plain_default(info: FieldInfo) -> bool:
    copied = info.default_factory is not None or not isinstance(info.default, UNCHANGEABLE)
    return not copied and not info.validate_default
