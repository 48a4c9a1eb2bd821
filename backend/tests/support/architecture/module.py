"""The project's Python files, in the form that the rules read."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

PARTS = {
    "models": 0,
    "schemas": 1,
    "security": 2,
    "gateway": 2,
    "cookies": 4,
    "dependencies": 4,
    "routes": 5,
    "router": 6,
}
# All other parts are rules and have rank 3. A feature with many routes has them in
# `routes` or `<part>_routes`, which have rank 5.
RULES, ROUTES = 3, 5


@dataclass(frozen=True)
class Module:
    """A file, with its dotted name."""

    name: str
    source: str

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.source)

    @property
    def path(self) -> list[str]:
        return self.name.split(".")

    @property
    def layer(self) -> str:
        return self.path[1] if len(self.path) > 1 else ""

    @property
    def feature(self) -> str | None:
        return self.path[2] if self.layer == "routers" and len(self.path) > 2 else None

    @property
    def part(self) -> str:
        """The part of its feature that the file belongs to.

        The files of a gateway are one part. All other folders are rooms.
        """
        return part_of(self.path[3:]) if self.feature else ""

    def imports(self) -> Iterator[str]:
        """Yield the absolute names of imported modules. `from x import y` gives `x.y`,
        because `y` may be a module.
        """
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                yield from (alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                base = node.module or ""
                if node.level:
                    base = ".".join([*self.path[: -node.level], *([base] if base else [])])
                yield from (f"{base}.{alias.name}" for alias in node.names)

    def functions(self) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
        for node in ast.walk(self.tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield node


def part_of(path: list[str]) -> str:
    """Return the part that a path inside a feature names.

    `mfa/routes` gives `routes`, and `models.User` gives `models`. Names of classes and
    functions may follow the names of modules. In a room, the first name after the room
    is the part.
    """
    modules = [name for name in path if name != "__init__"]
    if len(modules) < 2 or modules[0] in PARTS:
        return modules[0] if modules else ""
    return modules[1] if modules[1].islower() else modules[0]


def rank(part: str) -> int:
    return ROUTES if part.endswith("_routes") else PARTS.get(part, RULES)


def modules(backend: Path, package: str = "app") -> list[Module]:
    """Return every module of the application, or of another package next to it.

    Hidden folders hold what others wrote, such as the environments of `make peers`.
    """
    found = []
    for file in sorted((backend / package).rglob("*.py")):
        parts = file.relative_to(backend).with_suffix("").parts
        if any(part.startswith(".") for part in parts):
            continue
        dotted = ".".join(parts)
        found.append(Module(dotted, file.read_text("utf-8")))
    return found
