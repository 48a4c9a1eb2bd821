"""Converts a request into the description of a feature.

Invalid requests are refused. Nothing is written here.
"""

import ast
from collections.abc import Iterable
from dataclasses import dataclass, replace

from scaffold import project as known
from scaffold.feature import Feature
from scaffold.fields import Field, Target, currency_of, field_of
from scaffold.grammar import Token, WrongField, parse
from scaffold.naming import IN_SLUG_ROUTES, MAX_IDENTIFIER, check_feature, check_field, names_of
from scaffold.parents import find_parent
from scaffold.problems import Refused
from scaffold.project import Project
from scaffold.words import camel

MAX_ROW = 65_000  # bytes per row in MySQL, not counting long texts
MAX_INDEXES = 50  # MySQL allows 64


@dataclass(frozen=True)
class Request:
    """The arguments of `make feature`."""

    name: str
    fields: str
    owner: str = "user"
    public: str = "no"
    plural: str | None = None
    parent: str | None = None


def plan(request: Request, project: Project) -> Feature:
    """Return the requested feature. Raises `Refused` if that is impossible."""
    owned = _choice("owner", request.owner, {"user": True, "none": False})
    public = _choice("public", request.public, {"yes": True, "no": False})
    singular, plural = names_of(request.name, request.plural)
    check_feature(singular, plural, project, nested=request.parent is not None)
    if len(project.heads) != 1:
        raise Refused(
            f"The migrations have {len(project.heads)} heads. Join them with `alembic merge "
            "heads`, then try again."
        )
    fields = read_fields(request.fields, camel(singular), plural, project, owned=owned)
    parent = find_parent(request.parent, project) if request.parent else None
    feature = Feature(plural, singular, owned, public, fields, parent=parent)
    _refuse_what_the_parent_hides(feature)
    check(feature)
    return feature


def _refuse_what_the_parent_hides(feature: Feature) -> None:
    """Raise `Refused` if users could read a row but not its parent."""
    parent = feature.parent
    if parent is None:
        return
    if feature.public and not parent.public:
        raise Refused(
            f"public=yes is not possible, because not everyone may read {parent.feature}."
        )
    if parent.private and not feature.owned:
        raise Refused(
            f"owner=none is not possible: {parent.feature} are private, so superusers could not "
            "reach the rows."
        )
    if parent.word in {feature.singular, *(field.word for field in feature.fields)}:
        raise Refused(
            f"The parent is already called {parent.word}. Choose another name for the feature or "
            "its field."
        )


def _choice(option: str, given: str, allowed: dict[str, bool]) -> bool:
    if given not in allowed:
        raise Refused(f"{option}={given} is not possible. Use {' or '.join(allowed)}.")
    return allowed[given]


def read_fields(
    text: str, cls: str, feature: str, project: Project, *, owned: bool
) -> tuple[Field, ...]:
    """Return the fields. Raises `WrongField` if one of them is invalid."""
    tokens = parse(text)
    if not tokens:
        raise WrongField(text, "there is no field")
    fields = []
    for token in tokens:
        field = field_of(token, cls)
        check_field(token)
        if token.kind == "ref":
            field = replace(field, target=_target(token, feature, project, owned=owned))
        fields.append(field)
    if money := [field for field in fields if field.token.kind == "money"]:
        fields.append(currency_of(money, cls))
    return tuple(fields)


def _target(token: Token, feature: str, project: Project, *, owned: bool) -> Target:
    """Return the model that a `ref` refers to.

    The model must belong to another feature and have a factory for tests.
    """
    place, _, name = (token.arguments[0] if len(token.arguments) == 1 else "").partition(".")
    if not place or not name:
        raise WrongField(token.text, "ref needs a feature and its model: ref(auth.User)")
    if place == feature or feature in known.depends_on(place):
        raise WrongField(
            token.text, f"{place} already depends on {feature}, so that would be a circle"
        )
    model = project.model(place, name)
    if model is None or name.startswith("_"):
        models = ", ".join(
            f"{one.feature}.{one.name}" for one in project.models if not one.name.startswith("_")
        )
        raise WrongField(token.text, f"there is no model {place}.{name}. The models are {models}")
    factory = "make_user()" if (place, name) == ("auth", "User") else known.factory_of(model)
    if factory is None:
        raise WrongField(
            token.text,
            f"the tests need a function in tests/{place}/factories.py that makes a {name} and is "
            "has this return type",
        )
    made = factory if owned else factory.replace("owner", "make_user()")
    return Target(place, name, model.table, model.owned, f"{made}.id")


def check(feature: Feature) -> None:
    """Raise `Refused` for errors that concern several fields together."""
    _refuse_twice([(field.name, field.token) for field in feature.fields])
    _refuse_twice([(camel(field.word), field.token) for field in feature.fields])
    filters = [(name, field.token) for field in feature.fields for name in field.filter_names]
    bounds = [(f"created_at_{end}", token) for end in ("from", "to") for _, token in filters[:1]]
    _refuse_twice([*filters, *bounds])
    _refuse_search(feature)
    slugs = [field for field in feature.fields if field.token.kind == "slug"]
    if len(slugs) > 1:
        raise WrongField(slugs[1].token.text, "a feature has only one slug")
    for slug in slugs:
        if slug.name in IN_SLUG_ROUTES | {feature.singular, f"{feature.name}_of"}:
            raise WrongField(slug.token.text, f"{slug.name!r} would hide a name that the code uses")
        source = next((field for field in feature.fields if field.name == slug.source), None)
        if source is None or source.token.kind != "str" or source.optional:
            raise WrongField(
                slug.token.text,
                f"{slug.source!r} is not a field of type str that always has a value",
            )
    if sum(4 * field.kind.width + 16 for field in feature.fields) > MAX_ROW:
        raise Refused(
            "All fields together are too wide for a row of MySQL. Change the type of some of "
            "them to text."
        )
    if sum(field.listed for field in feature.fields) > MAX_INDEXES:
        raise Refused(f"MySQL does not allow so many indexes. Use at most {MAX_INDEXES}.")
    for name in feature.identifiers:
        if len(name) > MAX_IDENTIFIER:
            raise Refused(
                f"{name} is longer than the {MAX_IDENTIFIER} characters that PostgreSQL allows "
                "for a name."
            )


def _refuse_search(feature: Feature) -> None:
    for field in feature.fields:
        if field.name == "search" and feature.searched:
            raise WrongField(field.token.text, "'search' is the column with the words of :search")


def _refuse_twice(named: Iterable[tuple[str, Token]]) -> None:
    seen: set[str] = set()
    for name, token in named:
        if name in seen:
            raise WrongField(token.text, f"{name!r} would exist twice")
        seen.add(name)


def refuse_hidden_imports(feature: Feature, files: dict[str, str]) -> None:
    """Raise `Refused` if a generated class would hide an import in its module."""
    for name, text in files.items():
        if not name.endswith(".py"):
            continue
        imported = {
            alias.name
            for node in ast.walk(ast.parse(text))
            if isinstance(node, ast.ImportFrom)
            and not (node.module or "").endswith(("models", "schemas"))
            for alias in node.names
        }
        targets = {model for model, _ in feature.targets}
        for defined in (
            feature.cls,
            feature.singular,
            *(feature.cls + suffix for suffix in ("Create", "Read")),
        ):
            if defined in imported | targets:
                raise Refused(
                    f"{defined} would hide an import of {name}. Choose a longer name, such as "
                    f"name=my_{feature.name}."
                )
