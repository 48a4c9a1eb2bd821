"""Everything that the features and the platform declare for the admin."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeVar

from app.core.errors import NotFound
from app.core.features import BrokenFeature, discover

from . import own_views, system_charts
from .staff import Gate
from .views import Action, Chart, Tool, View

Keyed = TypeVar("Keyed", View, Tool, Chart)


class NoSuchPage(NotFound):
    """The admin has no such list, row or action."""

    code = "no_such_page"
    detail = "This page does not exist, or the row that it showed has been deleted."


@dataclass(frozen=True)
class Registry:
    """The declared views, tools and charts by key, and the gate."""

    views: dict[str, View]
    tools: dict[str, Tool]
    charts: dict[str, Chart]
    gate: Gate

    def view(self, key: str) -> View:
        return _one(self.views, key)

    def tool(self, key: str) -> Tool:
        return _one(self.tools, key)

    def action(self, view: View, key: str) -> Action:
        return _one({action.key: action for action in view.actions}, key)

    def groups(self) -> dict[str, list[View | Tool]]:
        """Return the entries of the menu by group, in the order of declaration."""
        found: dict[str, list[View | Tool]] = {}
        entries: list[View | Tool] = [*self.views.values(), *self.tools.values()]
        for entry in entries:
            found.setdefault(entry.group, []).append(entry)
        return found


Found = TypeVar("Found")


def _one(known: dict[str, Found], key: str) -> Found:
    if key not in known:
        raise NoSuchPage
    return known[key]


@lru_cache
def registry() -> Registry:
    """Return the declarations of all `admin.py` files, read once."""
    return read_declarations()


def read_declarations() -> Registry:
    """Read the declarations of all `admin.py` files. Raises `BrokenFeature`."""
    parts = [(feature, module) for feature in discover() if (module := feature.module("admin"))]
    modules = [*(module for _, module in parts), own_views, system_charts]
    gates = [module.GATE for module in modules if hasattr(module, "GATE")]
    if len(gates) != 1:
        raise BrokenFeature("app/routers: exactly one admin.py must define GATE")
    return Registry(
        _keyed(one for module in modules for one in getattr(module, "VIEWS", ())),
        _keyed(one for module in modules for one in getattr(module, "TOOLS", ())),
        _keyed(one for module in modules for one in getattr(module, "CHARTS", ())),
        gates[0],
    )


def _keyed(declared: Iterable[Keyed]) -> dict[str, Keyed]:
    found: dict[str, Keyed] = {}
    for one in declared:
        if one.key in found:
            raise BrokenFeature(f"app/routers: two admin.py declare {one.key!r}")
        found[one.key] = one
    return found
