"""A rule for tests: they use only public names of the code."""

import ast
import re
from collections.abc import Iterator
from functools import cache

from app.core.config import BACKEND

from .module import Module

OURS = ("app", "scaffold", "simulator", "tools")
PATH = re.compile(rf"(?:{'|'.join(OURS)})\.[\w.]*[.:]_[a-z]\w*\Z")


def no_test_reaches_private_names(module: Module) -> Iterator[str]:
    """If a test replaces or calls a private function, it fails when the function is
    renamed or changed, although nothing is wrong.

    A test can also pause a request at a statement, a public function or a hook.
    """
    imported = {name for name in module.imports() if name.split(".")[0] in OURS}
    yield from (f"imports {name}" for name in imported if name.rpartition(".")[2].startswith("_"))
    places = imported | {name.rpartition(".")[0] for name in imported}
    private = {name for place in places for name in private_names(place)}
    known = imported_as(module)
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            if node.value in private or PATH.search(node.value):
                yield f"line {node.lineno} names {node.value}"
        elif (
            isinstance(node, ast.Attribute)
            and node.attr in private
            and isinstance(node.value, ast.Name)
            and node.value.id in known
        ):
            yield f"line {node.lineno} uses {ast.unparse(node)}"


def imported_as(module: Module) -> set[str]:
    """Return the names that a file imports from our own code."""
    return {
        (alias.asname or alias.name).split(".")[0]
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
        if (getattr(node, "module", None) or alias.name).split(".")[0] in OURS
    }


@cache
def private_names(place: str) -> frozenset[str]:
    """Return the private functions, classes and variables of a module. The set is empty
    if `place` is not a module.
    """
    path = BACKEND.joinpath(*place.split("."))
    file = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    if not file.is_file():
        return frozenset()
    tree = ast.parse(file.read_text("utf-8"))
    defined = [
        node.name
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
    ]
    targets = [
        target
        for node in tree.body
        for target in (node.targets if isinstance(node, ast.Assign) else [])
        + ([node.target] if isinstance(node, ast.AnnAssign) else [])
    ]
    assigned = [target.id for target in targets if isinstance(target, ast.Name)]
    return frozenset(name for name in defined + assigned if re.match("_[A-Za-z]", name))
