"""The program behind `make feature-field`."""

import re
from dataclasses import dataclass, replace

from sqlalchemy import Table

from app.db.search.column import search_column, searched_fields
from scaffold.create import refuse_long_files
from scaffold.feature import Feature
from scaffold.fields import Field, field_of
from scaffold.grammar import Token, WrongField
from scaffold.merge import merge
from scaffold.parents import Parent, parent_of
from scaffold.plan import MAX_ROW, check, read_fields
from scaffold.problems import Refused
from scaffold.project import BACKEND, Project, look
from scaffold.rendering import formatted, render, tidy
from scaffold.staging import replace_files, staged
from scaffold.words import camel, plural_of

PREFIX = re.compile(r'Router\(prefix="[^"]*/\{(\w+)_id\}/[^"{}]+"')
SLUG_SOURCE = re.compile(r"slug_from\(data\.(\w+), fallback=")
SLUG_COLUMN = re.compile(r"insert_with_slug\(db, \w+, \w+\.(\w+), base")


@dataclass(frozen=True)
class Existing:
    """A feature that `make feature` created, as described by its current files."""

    name: str
    singular: str
    owned: bool
    public: bool
    table: Table
    service: str
    filters: frozenset[str]
    parent: Parent | None = None

    def with_fields(
        self, *fields: Field, constraints: bool = False, references: bool = False
    ) -> Feature:
        known = self._slug()
        return Feature(
            self.name,
            self.singular,
            self.owned,
            self.public,
            (*known, *fields),
            has_constraints=constraints or self.constrained,
            has_references=references or self.referring,
            has_searched=self.searched,
            parent=self.parent,
        )

    @property
    def constrained(self) -> bool:
        return "\nCONSTRAINTS" in self.service

    @property
    def referring(self) -> bool:
        return "\nREFERENCES" in self.service

    @property
    def searched(self) -> tuple[str, ...]:
        column = search_column(self.table)
        return () if column is None else tuple(searched_fields(column))

    def _slug(self) -> list[Field]:
        source, column = SLUG_SOURCE.search(self.service), SLUG_COLUMN.search(self.service)
        if not source or not column:
            return []
        arguments = (f"from={source[1]}",)
        flags = frozenset({"history"} if "remembering_slug(" in self.service else ())
        token = Token("", column[1], "slug", arguments, optional=False, default=None, flags=flags)
        return [field_of(token, camel(self.singular))]


def add_fields(name: str, fields: str, *, dry: bool) -> str:
    """Add fields to a feature, and return a report.

    Raises `Refused` if that is impossible. In that case, nothing is changed.
    """
    project = look()
    existing = find(name, project)
    added = read_new(fields, existing, project)
    new = existing.with_fields(*added)
    extended = existing.with_fields(
        *added, constraints=bool(new.constraints), references=bool(new.references)
    )
    changed = _merged(existing.with_fields(), extended)
    with staged(f"tests/{existing.name}", f"docs/features/{existing.name}.md") as stage:
        for file, text in changed.items():
            (stage.backend / file).write_text(text, "utf-8")
        tidy([stage.backend / file for file in changed if file.endswith(".py")], stage.backend)
        refuse_long_files(stage)
        columns = [field.name for field in added]
        columns += ["search"] if new.searched and not existing.searched else []
        stage.run("scaffold.staged", "extend", existing.name, *columns)
        stage.lint()
        files = stage.changed()
    if not dry:
        replace_files(files)
    head = f"{'Would change' if dry else 'Changed'} {existing.name}:"
    words = any(field.searched for field in added)
    return "\n".join(
        [
            head,
            *(f"  backend/{file}" for file in sorted(files)),
            *([] if dry else ["", _next_steps(existing.name, words=words)]),
        ]
    )


def _next_steps(name: str, *, words: bool) -> str:
    # Until then, a search finds stored rows only by their old words.
    reindex = "make reindex, " if words else ""
    return f"Next: read the revision, run make migrate, {reindex}then make test only={name}"


def find(name: str, project: Project) -> Existing:
    """Return the feature with this name.

    Raises `Refused` if `make feature` did not create it.
    """
    from app.db.database import Base

    name = name if name in project.features else plural_of(name)
    if name not in project.features:
        raise Refused(
            f"There is no feature {name}. The features are {', '.join(sorted(project.features))}."
        )
    folder = BACKEND / "app" / "routers" / name
    parts = {part: folder / f"{part}.py" for part in ("models", "schemas", "service", "router")}
    texts = {part: path.read_text("utf-8") for part, path in parts.items() if path.is_file()}
    cls = next((m.name for m in project.models if (m.feature, m.table) == (name, name)), None)
    shapes = re.search(r"^class (\w+)Create\(Input\)", texts.get("schemas", ""), re.MULTILINE)
    if cls is None or len(texts) < len(parts) or not shapes or shapes[1] != cls:
        raise Refused(
            f"{name} was not made by make feature. Change its files by hand. Nothing was written."
        )
    table = Base.metadata.tables[name]
    filters = re.search(
        rf"^class {cls}Filters\(BaseModel\):\n(.*?)(?=^\S|\Z)",
        texts["schemas"],
        re.MULTILINE | re.DOTALL,
    )
    return Existing(
        name=name,
        singular=re.sub(r"(?<!^)([A-Z])", r"_\1", cls).lower(),
        owned="owner_id" in table.columns,
        public="OptionalUser" in texts["router"],
        table=table,
        service=texts["service"],
        parent=_parent(table, texts["router"], project),
        filters=frozenset(re.findall(r"^    (\w+):", filters[1] if filters else "", re.MULTILINE)),
    )


def _parent(table: Table, router: str, project: Project) -> Parent | None:
    """Return the parent feature, which is in the path of the routes, or `None`."""
    prefix = PREFIX.search(router)
    if not prefix or f"{prefix[1]}_id" not in table.columns:
        return None
    (key,) = table.columns[f"{prefix[1]}_id"].foreign_keys
    model = next(model for model in project.models if model.table == key.column.table.name)
    return parent_of(model, project)


def read_new(text: str, existing: Existing, project: Project) -> list[Field]:
    """Return the new fields.

    Raises `WrongField` if a field cannot be added to a table with rows.
    """
    columns = existing.table.columns
    fields = [
        replace(field, later=True)
        for field in read_fields(
            text, camel(existing.singular), existing.name, project, owned=existing.owned
        )
        if not (field.token.kind == "currency" and "currency" in columns and not field.default)
    ]
    for field in fields:
        _refuse_unfit(field, existing)
    check(
        replace(existing.with_fields(), fields=tuple(fields))
    )  # the feature's own slug was already checked
    width = sum(4 * (getattr(column.type, "length", None) or 0) + 16 for column in columns)
    if width + sum(4 * field.kind.width + 16 for field in fields) > MAX_ROW:
        raise Refused(
            "All fields together are too wide for a row of MySQL. Change the type of some of "
            "them to text."
        )
    return fields


def _refuse_unfit(field: Field, existing: Existing) -> None:
    """Raise `WrongField` if the field cannot be added to a table with rows."""
    columns = existing.table.columns
    token = field.token
    taken = {field.name, *field.filter_names} & {*columns.keys(), *existing.filters}
    if field.name in columns or field.name in existing.filters or taken:
        raise WrongField(token.text, f"{min(taken)!r} already exists. Nothing was changed")
    if token.kind == "slug":
        raise WrongField(
            token.text,
            "a slug can only be created with the feature, because existing rows have none",
        )
    if token.kind == "currency" and not field.default:
        raise WrongField(token.text, "existing rows need a currency: write money(eur)")
    if field.default and field.default.server is None and not field.optional:
        raise WrongField(
            token.text,
            f"existing rows cannot get the default {token.default}: make the field optional with ?",
        )
    if field.required:
        raise WrongField(
            token.text,
            "existing rows have no value for it: make it optional with ?, or give it a =default",
        )


def _merged(before: Feature, after: Feature) -> dict[str, str]:
    """Return the changed files, with the additions merged into them."""
    old, new = formatted(render(before)), formatted(render(after))
    changed = {}
    for name, text in new.items():
        file = BACKEND / name
        if not file.is_file() or text == old[name]:
            continue
        current = file.read_text("utf-8")
        merged = (
            merge(current, old[name], text, name)
            if name.endswith(".py")
            else _rows(current, old[name], text)
        )
        if merged != current:
            changed[name] = merged
    return changed


def _rows(current: str, old: str, new: str) -> str:
    """Return the documentation page, with the new rows at the end of its table of
    fields.
    """
    rows = [
        line for line in new.splitlines() if line.startswith("| `") and line not in old.splitlines()
    ]
    head, heading, rest = current.partition("\n## Fields\n")
    if not heading:
        return current
    lines = rest.splitlines(keepends=True)
    last = max((index for index, line in enumerate(lines) if line.startswith("|")), default=-1)
    lines[last + 1 : last + 1] = [
        f"{row}\n" for row in rows if not row.startswith(("| `GET", "| `P", "| `DEL"))
    ]
    return head + heading + "".join(lines)
