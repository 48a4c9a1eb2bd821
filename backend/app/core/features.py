"""Features are the folders of `app/routers`: this is the one place that finds them.

`main.py` asks it for routers, `alembic/env.py` for tables, the command line for demo data, the tests for all of it.
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
    """A feature folder that cannot be used. The message names the file and what is wrong with it."""


@dataclass(frozen=True)
class Feature:
    """One folder: a package `app.routers.<name>`."""

    name: str
    path: Path

    @property
    def about(self) -> str:
        """What the feature says of itself: the docstring of its package."""
        return (importlib.import_module(f"app.routers.{self.name}").__doc__ or "").strip()

    def module(self, part: str) -> ModuleType | None:
        """The feature's `part` (`models`, `router`, `demo`, …), or None where it has none. Raises `BrokenFeature`."""
        dotted = f"app.routers.{self.name}.{part}"
        try:
            return importlib.import_module(dotted) if find_spec(dotted) else None
        except BrokenFeature:
            raise
        except Exception as error:
            raise BrokenFeature(f"{self._culprit(part, error)}: {type(error).__name__}: {error}") from error

    def _culprit(self, part: str, error: Exception) -> str:
        """The file of this feature in which the error arose, with its line."""
        if isinstance(error, SyntaxError) and error.filename:
            return f"{_short(Path(error.filename))}:{error.lineno}"
        ours = [frame for frame in extract_tb(error.__traceback__) if Path(frame.filename).is_relative_to(self.path)]
        return f"{_short(Path(ours[-1].filename))}:{ours[-1].lineno}" if ours else f"{_short(self.path)}/{part}.py"


def _short(path: Path) -> str:
    return str(path.relative_to(BACKEND)) if path.is_relative_to(BACKEND) else str(path)


@lru_cache
def discover(folder: Path = FOLDER) -> tuple[Feature, ...]:
    """Every feature folder, sorted by name. Raises `BrokenFeature` for one that could not be a package with routes."""
    folders = sorted(p for p in folder.iterdir() if p.is_dir() and not p.name.startswith((".", "_")) and _has_files(p))
    for path in folders:
        if not path.name.isidentifier() or iskeyword(path.name):
            raise BrokenFeature(f"{_short(path)}: a feature folder needs a Python name (letters, digits, underscores)")
        for needed in ("__init__.py", "router.py"):
            if not (path / needed).is_file():
                raise BrokenFeature(f"{_short(path / needed)} is missing: every feature folder has one")
    return tuple(Feature(path.name, path) for path in folders)


def _has_files(folder: Path) -> bool:
    """Deleting a feature, or changing to a branch without it, can leave a folder that holds only Python's caches."""
    return any(path.is_file() and path.suffix != ".pyc" for path in folder.rglob("*"))


def load_models() -> None:
    """Import every table, so that `Base.metadata` is complete."""
    importlib.import_module("app.platform.models")
    for feature in discover():
        feature.module("models")
