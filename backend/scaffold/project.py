"""The existing project: its features, tables, routes, schemas, models and factories."""

import ast
import os
import re
import secrets
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from scaffold.problems import Refused

BACKEND = Path(__file__).resolve().parents[1]
OWN_ENVIRONMENT = dict(os.environ)  # the developer's environment, before `look` changes it
IMPORTED = re.compile(r"^\s*(?:from|import) app\.routers\.(\w+)", re.MULTILINE)


@dataclass(frozen=True)
class Model:
    """A model of a feature, to which other features may refer."""

    feature: str
    name: str
    table: str
    owned: bool


@dataclass(frozen=True)
class Project:
    features: frozenset[str]
    tables: frozenset[str]
    paths: frozenset[str]  # the first part of every route
    routes: frozenset[str]  # the whole path
    shapes: frozenset[str]  # the names of components in OpenAPI
    folders: frozenset[str]  # the folders of tests
    models: tuple[Model, ...]
    heads: tuple[str, ...]
    pages: frozenset[str] = frozenset()  # the keys of lists in the admin

    def model(self, feature: str, name: str) -> Model | None:
        return next(
            (model for model in self.models if (model.feature, model.name) == (feature, name)), None
        )


def settings_for_tools() -> dict[str, str]:
    """Return settings with which the application can always be imported.

    The settings do not depend on `.env`, and open no database.
    """
    return {
        "ENVIRONMENT": "test",
        "SECRET_KEY": secrets.token_urlsafe(48),
        "DATABASE_URL": "sqlite:///.data/scaffold-opens-none.db",
        "LOG_LEVEL": "error",
    }


def look() -> Project:
    """Import the application, and return its description.

    Raises `Refused` if it cannot be imported.
    """
    os.environ.update(settings_for_tools())
    try:
        from app.core.config import get_settings
        from app.core.features import BrokenFeature, discover
        from app.db.database import Base
    except ImportError as error:
        raise Refused(f"The application cannot be imported: {error}") from error
    try:
        from app.main import app
        from app.platform.admin.registry import read_declarations

        pages = frozenset(read_declarations().views)
    except BrokenFeature as error:
        raise Refused(f"Fix this first: {error}") from error
    document = app.openapi()
    prefix = get_settings().api_prefix
    return Project(
        features=frozenset(feature.name for feature in discover()),
        tables=frozenset(Base.metadata.tables),
        paths=frozenset(path.removeprefix(prefix).split("/")[1] for path in _paths(app.routes)),
        routes=frozenset(path.removeprefix(prefix) for path in document["paths"]),
        shapes=frozenset(document["components"]["schemas"]),
        folders=frozenset(path.name for path in (BACKEND / "tests").iterdir() if path.is_dir()),
        models=tuple(_models(Base)),
        heads=heads(BACKEND),
        pages=pages,
    )


def _paths(routes: Iterable[object]) -> Iterator[str]:
    yield from (str(path) for route in routes if (path := getattr(route, "path", None)))


def _models(base: type) -> Iterator[Model]:
    for mapper in base.registry.mappers:  # type: ignore[attr-defined]  # every declarative base has one
        cls, place = mapper.class_, mapper.class_.__module__.split(".")
        if (
            place[:2] == ["app", "routers"]
            and place[3:] == ["models"]
            and [c.name for c in mapper.primary_key] == ["id"]
        ):
            table = mapper.local_table
            yield Model(place[2], cls.__name__, table.name, "owner_id" in table.columns)


def heads(backend: Path) -> tuple[str, ...]:
    """Return the newest revisions.

    There are several if two branches each added a revision.
    """
    from alembic.script import ScriptDirectory

    from app.db.migrations import alembic_config

    return tuple(ScriptDirectory.from_config(alembic_config(backend)).get_heads())


def depends_on(feature: str, backend: Path = BACKEND) -> set[str]:
    """Return the features that this feature imports, directly or indirectly."""
    found: set[str] = set()
    waiting = [feature]
    while waiting:
        folder = backend / "app" / "routers" / waiting.pop()
        for file in folder.rglob("*.py"):
            new = set(IMPORTED.findall(file.read_text("utf-8"))) - {folder.name} - found
            found |= new
            waiting += new
    return found


def factory_of(model: Model, backend: Path = BACKEND) -> str | None:
    """Return the call that makes a row in tests, or `None`.

    The call is for example `make_note(owner)`.
    """
    file = backend / "tests" / model.feature / "factories.py"
    if not file.is_file():
        return None
    for node in ast.parse(file.read_text("utf-8")).body:
        if (
            isinstance(node, ast.FunctionDef)
            and node.returns
            and ast.unparse(node.returns) == model.name
        ):
            needed = node.args.args[: len(node.args.args) - len(node.args.defaults)]
            kinds = [
                ast.unparse(argument.annotation) if argument.annotation else ""
                for argument in needed
            ]
            if all(kind == "User" for kind in kinds) and None not in node.args.kw_defaults:
                return f"{node.name}({', '.join('owner' for _ in kinds)})"
    return None
