"""Counts the import layers of the packages, and refuses import cycles, for `make lint`.

An arrow means that one module imports another, anywhere in the importing file. The
layer of a module is the length of the longest chain of imports below it. The fewer
arrows and layers there are, the fewer modules a reader has to know at once.

Each feature is counted twice: with its modules as nodes, and with its rooms as nodes. A
room is a folder inside a feature, or a file next to these folders. All files with
routes count as one room, `router`, because they import everything else.
"""

import ast
import sys
from collections.abc import Iterable, Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

from tools.console import run

BACKEND = Path(__file__).resolve().parents[1]
PACKAGES = ("app", "simulator", "scaffold", "tools")
SHOWN = (
    "app.core",
    "app.db",
    "app.platform",
    "app.routers.auth",
    "app.routers.blog",
    "app.routers.payments",
    "simulator",
)

Graph = dict[str, set[str]]


def main() -> int:
    """Print the table, and return 1 if modules import each other in a circle."""
    graph = import_graph(BACKEND, PACKAGES)
    counted = {package: within(graph, package) for package in SHOWN}
    by_rooms = {
        f"{package}, rooms": rooms(counted[package], package)
        for package in SHOWN
        if ".routers." in package
    }
    for each in (graph, *by_rooms.values()):
        if circle := circle_of(each):
            print(f"Imports run in a circle: {' -> '.join(circle)}")
            return 1
    print(f"{'package':<28}{'nodes':>8}{'layers':>8}{'arrows':>8}")
    for name, each in sorted({**counted, **by_rooms}.items()):
        arrows = sum(len(targets) for targets in each.values())
        print(f"{name:<28}{len(each):>8}{max(layers(each).values()):>8}{arrows:>8}")
    return 0


def import_graph(root: Path, packages: Iterable[str]) -> Graph:
    """Return the imports of each module of the packages."""
    files = {
        _dotted(file.relative_to(root)): file
        for package in packages
        for file in sorted((root / package).rglob("*.py"))
    }
    return {
        name: {found for found in _imported(file, name, files.keys()) if found != name}
        for name, file in files.items()
    }


def within(graph: Graph, package: str) -> Graph:
    """Return the part of the graph inside one package.

    Files without any import inside the package are left out.
    """
    inside = {name for name in graph if name.startswith(f"{package}.")}
    return {
        name: graph[name] & inside
        for name in inside
        if graph[name] & inside or _is_imported(graph, name, inside)
    }


def rooms(graph: Graph, package: str) -> Graph:
    """Return the graph with one node for each room of a feature."""
    collapsed: Graph = {}
    for name, targets in graph.items():
        room = _room(name, package)
        collapsed.setdefault(room, set()).update(
            {_room(target, package) for target in targets} - {room}
        )
    return collapsed


def circle_of(graph: Graph) -> list[str] | None:
    """Return modules that import each other in a circle, or `None`."""
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        circle: list[str] = error.args[1]
        return circle
    return None


def layers(graph: Graph) -> dict[str, int]:
    """Return the layer of each module. A module that imports no other has layer 1."""
    found: dict[str, int] = {}
    for name in TopologicalSorter(graph).static_order():
        found[name] = 1 + max((found[target] for target in graph.get(name, ())), default=0)
    return found


def _is_imported(graph: Graph, name: str, inside: set[str]) -> bool:
    return any(name in graph[other] for other in inside)


def _room(name: str, package: str) -> str:
    parts = name.removeprefix(f"{package}.").split(".")
    return "router" if parts[-1].endswith("routes") else parts[0]


def _dotted(file: Path) -> str:
    return ".".join(file.with_suffix("").parts).removesuffix(".__init__")


def _imported(file: Path, name: str, known: Iterable[str]) -> Iterator[str]:
    package = name if file.name == "__init__.py" else name.rpartition(".")[0]
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in known)
        elif isinstance(node, ast.ImportFrom):
            base = _base(node, package)
            for alias in node.names:
                full = f"{base}.{alias.name}"
                if full in known or base in known:
                    yield full if full in known else base


def _base(node: ast.ImportFrom, package: str) -> str:
    """Return the absolute name of the module in a `from … import` statement."""
    if not node.level:
        return node.module or ""
    parents = package.split(".")[: len(package.split(".")) - node.level + 1]
    return ".".join([*parents, *([node.module] if node.module else [])])


if __name__ == "__main__":
    if len(sys.argv) > 1:
        sys.exit("tools.layers takes no options")
    run(main)
