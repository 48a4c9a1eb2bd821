"""Imports features during a test."""

import importlib
import sys
from contextlib import contextmanager
from itertools import count

import app.routers
from app.db.database import Base
from scaffold.rendering import render, write

_numbers = count()


def new_name():
    """Return a feature name that no other test has used."""
    return "".join("abcdefghij"[int(digit)] for digit in str(next(_numbers))) + "zings"


@contextmanager
def imported(feature, folder):
    """Import the feature's own modules, under the names that they have in the
    project.
    """
    write({name: text for name, text in render(feature).items() if name.startswith("app/")}, folder)
    app.routers.__path__.append(str(folder / "app" / "routers"))
    importlib.invalidate_caches()
    try:
        yield importlib.import_module(f"app.routers.{feature.name}.router").router
    finally:
        app.routers.__path__.pop()
        if feature.name in Base.metadata.tables:
            Base.metadata.remove(Base.metadata.tables[feature.name])
        for name in [
            name for name in sys.modules if name.startswith(f"app.routers.{feature.name}")
        ]:
            del sys.modules[name]
        if hasattr(app.routers, feature.name):
            delattr(app.routers, feature.name)
