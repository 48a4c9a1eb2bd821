"""Discovery of features, which are the folders of `app/routers`.

All other code finds features through this module: `main.py` for routers,
`alembic/env.py` for tables, the command line for demo data, and the tests.
"""

import importlib
from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from keyword import iskeyword
from pathlib import Path
from traceback import extract_tb
from types import ModuleType

from app.core.config import BACKEND

FOLDER = BACKEND / "app" / "routers"


class BrokenFeature(RuntimeError):
    """A feature folder cannot be used. The message names the file and the error."""


@dataclass(frozen=True)
class Feature:
    """A feature folder: the package `app.routers.<name>`."""

    name: str
    path: Path

    @property
    def about(self) -> str:
        """Return the docstring of the feature's package."""
        return (
            (importlib.import_module(f"app.routers.{self.name}").__doc__ or "")
            .partition("\n\n")[0]
            .strip()
        )

    def module(self, part: str) -> ModuleType | None:
        """Return the feature's module `part`, such as `models`, `router` or `demo`.

        The result is `None` if the feature has no such module. Raises `BrokenFeature`.
        """
        dotted = f"app.routers.{self.name}.{part}"
        try:
            return importlib.import_module(dotted) if find_spec(dotted) else None
        except BrokenFeature:
            raise
        except Exception as error:
            raise BrokenFeature(
                f"{self._culprit(part, error)}: {type(error).__name__}: {error}"
            ) from error

    def _culprit(self, part: str, error: Exception) -> str:
        """Return the file and line in this feature where the error occurred."""
        if isinstance(error, SyntaxError) and error.filename:
            return f"{_short(Path(error.filename))}:{error.lineno}"
        ours = [
            frame
            for frame in extract_tb(error.__traceback__)
            if Path(frame.filename).is_relative_to(self.path)
        ]
        return (
            f"{_short(Path(ours[-1].filename))}:{ours[-1].lineno}"
            if ours
            else f"{_short(self.path)}/{part}.py"
        )


def _short(path: Path) -> str:
    return str(path.relative_to(BACKEND)) if path.is_relative_to(BACKEND) else str(path)


@lru_cache
def discover(folder: Path = FOLDER) -> tuple[Feature, ...]:
    """Return all feature folders, sorted by name.

    Raises `BrokenFeature` for a folder that is not a package with routes.
    """
    folders = sorted(
        p
        for p in folder.iterdir()
        if p.is_dir() and not p.name.startswith((".", "_")) and _has_files(p)
    )
    for path in folders:
        if not path.name.isidentifier() or iskeyword(path.name):
            raise BrokenFeature(
                f"{_short(path)}: the name of a feature folder must be a Python name: letters, "
                "digits and underscores"
            )
        for needed in ("__init__.py", "router.py"):
            if not (path / needed).is_file():
                raise BrokenFeature(
                    f"{_short(path / needed)} is missing, and every feature folder needs one"
                )
    return tuple(Feature(path.name, path) for path in folders)


def _has_files(folder: Path) -> bool:
    """Return whether a folder contains more than Python's caches.

    A folder with only caches can be left over when a feature has been deleted or a
    branch has been switched.
    """
    return any(path.is_file() and path.suffix != ".pyc" for path in folder.rglob("*"))


def load_models() -> None:
    """Import all tables, so that `Base.metadata` is complete."""
    for module in ("app.db.batches", "app.platform.models"):
        importlib.import_module(module)
    for feature in discover():
        feature.module("models")
