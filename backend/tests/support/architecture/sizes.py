"""Rules about the length of files and functions."""

import ast
from collections.abc import Iterator

from .module import Module

MAX_FILE = 300
MAX_FUNCTION = 40  # lines of code and comments; a docstring is not counted


def files_are_short(module: Module) -> Iterator[str]:
    """The lines of tables of test cases are not counted.

    The generator writes a line into such a table for each invalid value of each field.
    """
    lines = len(module.source.splitlines())
    if module.path[0] == "tests":
        tables = (node for node in module.tree.body if isinstance(node, ast.Assign | ast.AnnAssign))
        lines -= sum((table.end_lineno or 0) - table.lineno + 1 for table in tables)
    if lines > MAX_FILE:
        yield f"has {lines} lines"


def functions_are_short(module: Module) -> Iterator[str]:
    for function in module.functions():
        assert function.end_lineno
        first = function.body[0]
        text = (
            isinstance(first, ast.Expr)
            and isinstance(first.value, ast.Constant)
            and isinstance(first.value.value, str)
        )
        docstring = (first.end_lineno or 0) - first.lineno + 1 if text else 0
        lines = function.end_lineno - function.lineno + 1 - docstring
        if lines > MAX_FUNCTION:
            yield f"{function.name} has {lines} lines"
