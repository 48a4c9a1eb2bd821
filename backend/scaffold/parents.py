"""The feature under whose rows another one has its routes: `/forums/{forum_id}/threads`."""

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
    """`dependency` gives the row of the path to those who may read it, else its 404 with `code`."""

    feature: str
    model: str
    table: str
    word: str  # `forum`, whose parameter is `forum_id`
    path: str  # of one of its rows: `/forums/{forum_id}`
    dependency: str
    error: str  # the class of its 404, for OpenAPI
    code: str
    private: bool  # only its owner reads it
    public: bool  # everybody reads it
    owned: bool  # its factory asks for an owner
    factory: str  # the function that makes one in tests
    nested: bool  # it is under a parent itself

    @property
    def column(self) -> str:
        return f"{self.word}_id"

    @property
    def a_class(self) -> str:
        return camel(self.word)

    @property
    def a_row(self) -> str:
        """The call that makes one in tests."""
        return f"{self.factory}({'owner' if self.private else 'make_user()' if self.owned else ''})"

    @property
    def collection(self) -> str:
        """The path of its list, which its own tests know where it is under a parent itself."""
        return "{parent_url()}" if self.nested else self.path.rpartition("/")[0]


def find_parent(given: str, project: Project) -> Parent:
    """The parent that `parent=forums` or `parent=forums.Forum` means. Raises `Refused`."""
    feature, _, name = given.partition(".")
    models = [model for model in project.models if model.feature == feature and name in ("", model.name)]
    parents = [parent for model in models if (parent := parent_of(model, project))]
    if len(parents) == 1:
        return parents[0]
    if parents:
        known = " or ".join(f"parent={feature}.{parent.model}" for parent in parents)
        raise Refused(f"parent={given}: {feature} has several models, so say {known}.")
    raise Refused(
        f"parent={given}: there is no such feature whose rows have a path and a dependency that reads one, such as "
        "VisibleForum, and a factory in its tests. make feature writes all three."
    )


def parent_of(model: Model, project: Project) -> Parent | None:
    """The model as a parent; `None` if its rows have no path of their own that a dependency reads."""
    try:
        module = importlib.import_module(f"app.routers.{model.feature}.dependencies")
    except ModuleNotFoundError:
        return None
    factory = "make_user()" if model.table == "users" else factory_of(model)
    for alias, reader in sorted(_readers(module, model.name), key=lambda found: not found[0].startswith("Visible")):
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
                public="OptionalUser" in asks or not asks & {"CurrentUser", "VerifiedUser", "Superuser"},
                owned="owner" in factory,
                factory=factory.partition("(")[0],
                nested=path.count("{") > 1,
            )
    return None


def _readers(module: ModuleType, model: str) -> Iterator[tuple[str, Any]]:
    """Names of `Annotated[Model, Depends(function)]`, with the function."""
    for name, value in vars(module).items():
        arguments = get_args(value)
        reads = name.startswith(("Visible", "Own")) and len(arguments) > 1 and get_origin(value) is not None
        if reads and getattr(arguments[0], "__name__", "") == model:
            yield name, arguments[1].dependency


def _names(reader: Any, module: ModuleType) -> Iterator[str]:
    """The annotations of the function as they are written."""
    assert module.__file__
    for node in ast.parse(Path(module.__file__).read_text("utf-8")).body:
        if isinstance(node, ast.FunctionDef) and node.name == reader.__name__:
            yield from (ast.unparse(argument.annotation) for argument in node.args.args if argument.annotation)


def _path_of(parameter: str, project: Project) -> str | None:
    """The shortest path that ends with the parameter."""
    found = [path for path in project.routes if re.search(rf"/{{{parameter}}}$", path)]
    return min(found, key=len, default=None)
