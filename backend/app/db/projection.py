"""Selects the columns that a response shows, instead of whole entities.

Loading an entity takes about ten times as long as reading a row. So a list of
`PostSummary` selects `id`, `title` and so on, and joins the author and the category
that the response contains. A feature still writes `select(BlogPost)`. The model of the
response is called its shape.

A statement that already selects columns, such as sums, must name them like the fields
of the shape. Such a statement is not changed.

A field with a `validation_alias` shows the column or the relation of that name. A shape
with a field that is neither a column nor a relation to one row, such as a property of
the model, is read from entities as usual. The same applies to a statement with options,
such as `joinedload`.
"""

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from sqlalchemy import Column, ColumnElement, Select, inspect
from sqlalchemy.orm import Mapper, RelationshipProperty, aliased

from app.core.schemas import model_of

Values = dict[str, Any]
Read = Callable[[Sequence[Any]], Values]


class Nested(NamedTuple):
    """A related object that the response contains.

    `place` is the index of the object's primary key among the columns.
    """

    name: str
    place: int
    fields: tuple[str, ...]


class Projection(NamedTuple):
    fields: tuple[str, ...]
    columns: tuple[ColumnElement[Any], ...]
    joins: tuple[tuple[Any, bool], ...]
    nested: tuple[Nested, ...]

    def apply(self, statement: Select[Any]) -> Select[Any]:
        if not self.columns:  # the statement itself selects the columns
            return statement
        for relation, may_lack in self.joins:
            statement = statement.join(relation, isouter=may_lack)
        return statement.with_only_columns(*self.columns, maintain_column_froms=True)

    def read(self, row: Sequence[Any]) -> Values:
        """Return the values of a row by the names that the shape reads."""
        values = dict(zip(self.fields, row, strict=False))
        for name, place, fields in self.nested:
            missing = row[place] is None
            values[name] = None if missing else dict(zip(fields, row[place + 1 :], strict=False))
        return values


def projection_of(statement: Select[Any], shape: type[BaseModel]) -> Projection | None:
    """Return the columns to select for `shape`, or `None` to load entities."""
    if statement._with_options or statement._distinct or statement._group_by_clauses:  # noqa: SLF001 - has no public reader
        return None
    described = statement.column_descriptions
    if not any(isinstance(one["expr"], type) for one in described):
        names = tuple(one["name"] for one in described)
        return Projection(names, (), (), ()) if set(names) >= {*shape.model_fields} else None
    entity = described[0]["entity"]
    if len(described) != 1 or described[0]["expr"] is not entity or not isinstance(entity, type):
        return None
    return _projection(entity, shape)


@lru_cache
def _projection(entity: type, shape: type[BaseModel]) -> Projection | None:
    mapper: Mapper[Any] = inspect(entity)
    if mapper.polymorphic_on is not None or not _is_plain(shape):
        return None
    fields_of = {_source(name, field): field for name, field in shape.model_fields.items()}
    relations = {name: mapper.relationships.get(name) for name in fields_of}
    own = tuple(name for name, relation in relations.items() if relation is None)
    columns = _columns(mapper, entity, own)
    joins, nested = [], []
    for name, relation in relations.items():
        if columns is None or relation is None:
            continue
        target, inner = _target(relation), model_of(fields_of[name].annotation)
        fields = _sources(inner) if target and inner and _is_plain(inner) else ()
        theirs = _columns(relation.mapper, target, fields) if fields else None
        if theirs is None:
            return None
        key = getattr(target, str(relation.mapper.primary_key[0].key))
        nested.append(Nested(name, len(columns), fields))
        columns += [key, *theirs]
        may_lack = any(column.nullable for column in relation.local_columns)
        joins.append((getattr(entity, name).of_type(target), may_lack))
    if columns is None:
        return None
    return Projection(own, tuple(columns), tuple(joins), tuple(nested))


def _is_plain(shape: type[BaseModel]) -> bool:
    """Return whether an object of this shape can be read from a dict."""
    aliases = (field.validation_alias for field in shape.model_fields.values())
    by_name = all(alias is None or isinstance(alias, str) for alias in aliases)
    return not shape.__pydantic_decorators__.model_validators and by_name


def _source(name: str, field: FieldInfo) -> str:
    """Return the name of the attribute that a field shows."""
    return field.validation_alias if isinstance(field.validation_alias, str) else name


def _sources(shape: type[BaseModel]) -> tuple[str, ...]:
    return tuple(_source(name, field) for name, field in shape.model_fields.items())


def _columns(mapper: Mapper[Any], entity: Any, names: Sequence[str]) -> list[Any] | None:
    """Return the columns with these names, or `None` if one of them is not a column."""
    found = [mapper.column_attrs.get(name) for name in names]
    if all(attribute and isinstance(attribute.columns[0], Column) for attribute in found):
        return [getattr(entity, name) for name in names]
    return None


def _target(relation: RelationshipProperty[Any]) -> Any:
    """Return an alias of the class at the other end of a to-one relation."""
    return None if relation.uselist else aliased(relation.mapper.class_)
