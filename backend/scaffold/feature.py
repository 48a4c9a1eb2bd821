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
    has_constraints: bool = False  # whether fields that already exist have constraints
    has_references: bool = False
    has_searched: tuple[str, ...] = ()  # the existing fields with :search
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
        """Return the `@cached` decorator for public reads. The decorator also names the
        parent, because a row can be read only if its parent can be read.
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
    def former(self) -> str:
        """Return the name of the model of former slugs, or "" without `:history`."""
        return f"Former{self.cls}Slug" if self.slug and "history" in self.slug.token.flags else ""

    @property
    def former_table(self) -> str:
        return f"{self.name}_former_slugs"

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
        """Return the names of indexes and constraints. Databases limit their length."""
        scope = "".join(f"{column}_" for column in self.scope)
        named = [f"ix_{self.name}_{scope}{field.name}_id" for field in self.fields]
        named += [f"ck_{self.name}_{field.name}_known" for field in self.fields if field.choices]
        return [
            *named,
            *(name for name, _ in self.constraints),
            f"fk_{self.name}_owner_id_users",
            *([f"fk_{self.former_table}_row_id_{self.name}"] if self.former else ()),
            *([f"fk_{self.name}_{self.parent.column}_{self.parent.table}"] if self.parent else ()),
        ]

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
        return [*self.has_searched, *(field.name for field in self.fields if field.searched)]

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
            found.append(("q", f"matches({self.cls}.search)"))
        return found + bounds

    @property
    def filter_lines(self) -> list[str]:
        lines = ["owner_id: Id | None = None"] if self.owned and self.public else []
        lines += [f"{name}: {field.query}" for field in self.fields for name in field.filter_names]
        if self.searched:
            about = 'Field(min_length=1, max_length=200, description="Words to find.")'
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


def _known(field: Field) -> str:
    """Return the SQL condition for known values, as string literals of one line."""
    sql = f"{field.name} IN ({', '.join(repr(word) for word in field.choices)})"
    return " ".join(f'"{piece}"' for piece in textwrap.wrap(sql, MAX_PIECE, drop_whitespace=False))


def _columns(*names: str | list[str]) -> str:
    flat = [one for name in names for one in (name if isinstance(name, list) else [name])]
    return ", ".join(f'"{name}"' for name in flat)
