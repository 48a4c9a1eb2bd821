"""Parents of features. For example, if the parent of `threads` is a forum, the routes
of `threads` are under `/forums/{forum_id}`.
"""

import ast
import importlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, get_args, get_origin

from scaffold.problems import Refused
from scaffold.project import Model, Project, factory_of
from scaffold.words import camel


@dataclass(frozen=True)
class Parent:
    """A model whose rows have the routes of another feature under them.

    `dependency` returns a row for users who may read it. Other users get a 404 with
    `code`.
    """

    feature: str
    model: str
    table: str
    word: str  # such as `forum`, for the parameter `forum_id`
    path: str  # the path of one row: `/forums/{forum_id}`
    dependency: str
    error: str  # the class of the 404, for OpenAPI
    code: str
    private: bool  # whether only the owner may read a row
    public: bool  # whether everyone may read a row
    owned: bool  # whether the factory takes an owner
    factory: str  # the function that makes a row in tests
    nested: bool  # whether this model itself has a parent

    @property
    def column(self) -> str:
        return f"{self.word}_id"

    @property
    def a_class(self) -> str:
        return camel(self.word)

    @property
    def a_row(self) -> str:
        """Return the call that makes a row in tests."""
        return f"{self.factory}({'owner' if self.private else 'make_user()' if self.owned else ''})"

    @property
    def collection(self) -> str:
        """Return the path of the list of rows.

        If the model itself has a parent, only the model's own tests know the path.
        """
        return "{parent_url()}" if self.nested else self.path.rpartition("/")[0]


def find_parent(given: str, project: Project) -> Parent:
    """Return the parent that `forums` or `forums.Forum` names.

    Raises `Refused` if there is no such parent.
    """
    feature, _, name = given.partition(".")
    models = [
        model for model in project.models if model.feature == feature and name in ("", model.name)
    ]
    parents = [parent for model in models if (parent := parent_of(model, project))]
    if len(parents) == 1:
        return parents[0]
    if parents:
        known = " or ".join(f"parent={feature}.{parent.model}" for parent in parents)
        raise Refused(
            f"parent={given} is ambiguous, because {feature} has several models. Write {known}."
        )
    raise Refused(
        f"parent={given} cannot be a parent. A parent needs a path for each row, a dependency "
        "that reads one row, such as VisibleForum, and a factory in its tests. make feature "
        "writes all three."
    )


def parent_of(model: Model, project: Project) -> Parent | None:
    """Return the model as a parent, or `None` if it cannot be one.

    A parent needs a dependency that reads one row, and a path for each row.
    """
    try:
        module = importlib.import_module(f"app.routers.{model.feature}.dependencies")
    except ModuleNotFoundError:
        return None
    factory = "make_user()" if model.table == "users" else factory_of(model)
    for alias, reader in sorted(
        _readers(module, model.name), key=lambda found: not found[0].startswith("Visible")
    ):
        parameter = next((name for name in reader.__annotations__ if name.endswith("_id")), None)
        path = _path_of(parameter, project) if parameter else None
        if parameter and path and factory and getattr(reader, "raises", ()):
            asks = set(map(str, _names(reader, module)))
            return Parent(
                feature=model.feature,
                model=model.name,
                table=model.table,
                word=parameter.removesuffix("_id"),
                path=path,
                dependency=alias,
                error=reader.raises[0].__name__,
                code=reader.raises[0].code,
                private=not alias.startswith("Visible"),
                public="OptionalUser" in asks
                or not asks & {"CurrentUser", "VerifiedUser", "Superuser"},
                owned="owner" in factory,
                factory=factory.partition("(")[0],
                nested=path.count("{") > 1,
            )
    return None


def _readers(module: ModuleType, model: str) -> Iterator[tuple[str, Any]]:
    """Yield the name and the function of each `Annotated[Model, Depends(function)]`."""
    for name, value in vars(module).items():
        arguments = get_args(value)
        reads = (
            name.startswith(("Visible", "Own"))
            and len(arguments) > 1
            and get_origin(value) is not None
        )
        if reads and getattr(arguments[0], "__name__", "") == model:
            yield name, arguments[1].dependency


def _names(reader: Any, module: ModuleType) -> Iterator[str]:
    """Yield the annotations of the function's parameters, as they are written."""
    assert module.__file__
    for node in ast.parse(Path(module.__file__).read_text("utf-8")).body:
        if isinstance(node, ast.FunctionDef) and node.name == reader.__name__:
            yield from (
                ast.unparse(argument.annotation)
                for argument in node.args.args
                if argument.annotation
            )


def _path_of(parameter: str, project: Project) -> str | None:
    """Return the shortest path that ends with this parameter."""
    found = [path for path in project.routes if re.search(rf"/{{{parameter}}}$", path)]
    return min(found, key=len, default=None)
