"""The description of a feature, from which the templates are rendered."""

import textwrap
from dataclasses import dataclass
from functools import cached_property

from scaffold.fields import Field, Target
from scaffold.parents import Parent
from scaffold.words import camel, title, with_article

MAX_PIECE = 80  # characters of SQL per line


@dataclass(frozen=True)
class Feature:
    """A feature to generate.

    `name` is a plural. The folder, the table, the tag and the path are named after it.
    """

    name: str
    singular: str
    owned: bool
    public: bool
    fields: tuple[Field, ...]
    has_constraints: bool = False  # constraints of existing fields, when fields are added later
    has_references: bool = False
    parent: Parent | None = None

    @property
    def guarded(self) -> bool:
        """Return whether a write can violate a constraint."""
        return bool(self.constraints) or self.has_constraints

    @property
    def refers(self) -> bool:
        """Return whether a write can refer to rows of other features."""
        return bool(self.references) or self.has_references

    @property
    def cls(self) -> str:
        return camel(self.singular)

    @property
    def title(self) -> str:
        return title(self.name)

    @property
    def words(self) -> str:
        return self.name.replace("_", " ")

    @property
    def word(self) -> str:
        return self.singular.replace("_", " ")

    @property
    def exampled(self) -> list[Field]:
        """Return the fields in the example that `/docs` shows.

        These are all required fields, and those optional fields that do not refer to
        another feature.
        """
        return [
            field
            for field in self.body_fields
            if field.required or not (field.target or field.later)
        ]

    @property
    def has_example(self) -> bool:
        """Return whether to write an example.

        If fields are added later, the existing examples stay unchanged.
        """
        return any(not field.later for field in self.fields)

    @property
    def changed(self) -> Field:
        """Return the field that the example of an update changes."""
        return next((field for field in self.exampled if not field.unique), self.fields[0])

    @property
    def a_word(self) -> str:
        return with_article(self.singular)

    @property
    def A_word(self) -> str:  # noqa: N802 - the word at the start of a sentence
        return self.a_word[0].upper() + self.a_word[1:]

    @property
    def path(self) -> str:
        return f"{self.parent.path if self.parent else ''}/{self.name.replace('_', '-')}"

    @property
    def private(self) -> bool:
        return self.owned and not self.public

    @property
    def reader(self) -> str:
        return "OptionalUser" if self.public else "CurrentUser"

    @property
    def cached(self) -> str:
        """Return the decorator for public reads. It names the parent, too, because a
        row cannot be read without it.
        """
        parent = f", {self.parent.model}" if self.parent else ""
        return f"@cached({self.cls}{parent})"

    @property
    def writer(self) -> str:
        return "CurrentUser" if self.owned else "Superuser"

    @property
    def read_dependency(self) -> str:
        return f"visible_{self.singular}"

    @property
    def write_dependency(self) -> str:
        return f"{'own' if self.owned else 'managed'}_{self.singular}"

    @property
    def ReadDependency(self) -> str:  # noqa: N802 - the name of a type
        return camel(self.read_dependency)

    @property
    def WriteDependency(self) -> str:  # noqa: N802 - the name of a type
        return camel(self.write_dependency)

    @property
    def slug(self) -> Field | None:
        return next((field for field in self.fields if field.token.kind == "slug"), None)

    @property
    def body_fields(self) -> list[Field]:
        """Return the fields that a client usually sends."""
        return [field for field in self.fields if field.token.kind != "slug"]

    @property
    def references(self) -> list[Field]:
        return [field for field in self.fields if field.target]

    @property
    def target_of(self) -> list[Target]:
        return [field.target for field in self.fields if field.target]

    @property
    def targets(self) -> list[tuple[str, str]]:
        """Return the models that this feature refers to, with their features, except
        the owner.
        """
        known = {(target.model, target.feature) for target in self.target_of}
        known |= {(self.parent.model, self.parent.feature)} if self.parent else set()
        return sorted(known - ({("User", "auth")} if self.owned else set()))

    @property
    def choice_aliases(self) -> list[str]:
        return sorted(field.alias for field in self.fields if field.choices)

    @property
    def scope(self) -> list[str]:
        """Return the columns that come first in unique constraints and indexes."""
        parent = [self.parent.column] if self.parent else []
        return [*parent, *(["owner_id"] if self.private else [])]

    @property
    def table_args(self) -> list[str]:
        checks = [
            f'CheckConstraint({_known(field)}, name="{field.name}_known")'
            for field in self.fields
            if field.choices
        ]
        unique = [
            f"UniqueConstraint({_columns(self.scope, field.name)})"
            for field in self.fields
            if field.unique
        ]
        indexed = [
            field.name
            for field in self.fields
            if field.listed and not field.unique and not field.target
        ]
        indexes = [
            f"Index(None, {_columns(self.scope, name, 'id')})" for name in ("created_at", *indexed)
        ]
        return [*checks, *unique, *indexes]

    @property
    def constraints(self) -> list[tuple[str, str]]:
        """Return the names of the constraints that a request can violate, with their
        errors.
        """
        scope = "".join(f"{column}_" for column in self.scope)
        unique = [
            (f"uq_{self.name}_{scope}{field.name}", field.error)
            for field in self.fields
            if field.unique
        ]
        foreign = [
            (f"fk_{self.name}_{field.name}_{field.target.table}", field.error_unknown)
            for field in self.fields
            if field.target
        ]
        return unique + foreign

    @property
    def write_errors(self) -> list[str]:
        return [f"service.{name}" for name in dict.fromkeys(error for _, error in self.constraints)]

    @property
    def identifiers(self) -> list[str]:
        """Return the names of indexes and constraints, whose length databases limit."""
        scope = "".join(f"{column}_" for column in self.scope)
        named = [f"ix_{self.name}_{scope}{field.name}_id" for field in self.fields]
        named += [f"ck_{self.name}_{field.name}_known" for field in self.fields if field.choices]
        return [
            *named,
            *(name for name, _ in self.constraints),
            f"fk_{self.name}_owner_id_users",
            *self._of_parent,
        ]

    @property
    def _of_parent(self) -> list[str]:
        return [f"fk_{self.name}_{self.parent.column}_{self.parent.table}"] if self.parent else []

    @property
    def sort_columns(self) -> list[str]:
        owner = ["owner_id"] if self.owned and self.public else []
        return ["created_at", *owner, *(field.name for field in self.fields if field.listed)]

    @property
    def sorts(self) -> list[str]:
        return [
            "-created_at",
            "created_at",
            *(way + name for name in self.sort_columns[1:] for way in ("", "-")),
        ]

    @property
    def searched(self) -> list[str]:
        return [field.name for field in self.fields if field.searched]

    @cached_property
    def filters(self) -> list[tuple[str, str]]:
        """Return the query parameters, and how each one is compared."""
        bounds = [
            ("created_at_from", f"at_least({self.cls}.created_at)"),
            ("created_at_to", f"at_most({self.cls}.created_at)"),
        ]
        found = [("owner_id", f"equals({self.cls}.owner_id)")] if self.owned and self.public else []
        for field in self.fields:
            ways = ("at_least", "at_most") if field.kind.ranged else ("equals",)
            column = f"{self.cls}.{field.name}"
            found += [
                (name, f"{way}({column})")
                for name, way in zip(field.filter_names, ways, strict=False)
            ]
        if self.searched:
            found.append(
                ("q", f"contains({', '.join(f'{self.cls}.{name}' for name in self.searched)})")
            )
        return found + bounds

    @property
    def filter_lines(self) -> list[str]:
        lines = ["owner_id: Id | None = None"] if self.owned and self.public else []
        lines += [f"{name}: {field.query}" for field in self.fields for name in field.filter_names]
        if self.searched:
            where = " or ".join(self.searched)
            about = f'Field(min_length=1, max_length=200, description="Text in {where}.")'
            lines.append(f"q: Annotated[str | None, {about}] = None")
        return [
            *lines,
            "created_at_from: fields.Moment | None = None",
            "created_at_to: fields.Moment | None = None",
        ]

    @property
    def refusals(self) -> list[str]:
        """Return the errors that a write can cause, for the documentation page."""
        conflicts = [f"409 `{field.name}_taken`" for field in self.fields if field.unique]
        return [*conflicts, *(f"422 `{field.word}_unknown`" for field in self.references), "422"]

    # Only the templates of tests use the properties below.

    @property
    def caller(self) -> str:
        """Return the name of the fixture for the user who sends the writes."""
        return "owner" if self.owned else "keeper"

    @property
    def owner_argument(self) -> str:
        return "owner" if self.owned else ""

    @property
    def url(self) -> str:
        """Return the path of the list, as source code for tests."""
        return "url()" if self.parent else "URL"

    @property
    def own_error(self) -> str:
        """Return the code of the 404 that other users get."""
        return (
            self.parent.code
            if self.parent and self.parent.private
            else f"{self.singular}_not_found"
        )

    @property
    def body(self) -> str:
        return f"{self.singular}_body({self.owner_argument})"

    @property
    def made(self) -> str:
        return f"make_{self.singular}({self.owner_argument})"

    @property
    def factories(self) -> list[tuple[str, str]]:
        """Return the factories for the rows that this feature refers to, each as
        feature and function.
        """
        found = {(target.feature, target.factory.partition("(")[0]) for target in self.target_of}
        found |= {(self.parent.feature, self.parent.factory)} if self.parent else set()
        return sorted(found - {("auth", "make_user")})

    @property
    def needed(self) -> list[Field]:
        return [field for field in self.fields if field.required]

    @property
    def left_out(self) -> list[tuple[Field, str]]:
        """Return the fields that a client may omit, with their values in that case."""
        defaults = [
            (field, field.default.wire if field.default else "None") for field in self.body_fields
        ]
        return [
            (field, value) for field, value in defaults if not field.required and value is not None
        ]

    @property
    def clocked(self) -> list[Field]:
        return [field for field in self.fields if field.default and field.default.wire is None]

    @property
    def taken(self) -> list[Field]:
        return [field for field in self.body_fields if field.unique]

    @property
    def kept_unique(self) -> list[Field]:
        return [field for field in self.fields if field.unique]

    @property
    def foreign_targets(self) -> list[Field]:
        return [
            field for field in self.references if self.owned and field.target and field.target.owned
        ]

    @property
    def equal(self) -> list[Field]:
        return [field for field in self.fields if field.listed and not field.kind.ranged]

    @property
    def ranged(self) -> list[Field]:
        return [field for field in self.fields if field.listed and field.kind.ranged]


def _known(field: Field) -> str:
    """Return the SQL condition, in pieces that each fit on a line."""
    sql = f"{field.name} IN ({', '.join(repr(word) for word in field.choices)})"
    return " ".join(f'"{piece}"' for piece in textwrap.wrap(sql, MAX_PIECE, drop_whitespace=False))


def _columns(*names: str | list[str]) -> str:
    flat = [one for name in names for one in (name if isinstance(name, list) else [name])]
    return ", ".join(f'"{name}"' for name in flat)
