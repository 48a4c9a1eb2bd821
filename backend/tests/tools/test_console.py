"""The tools print messages about what they do."""

import ast

import pytest

from app.core.config import BACKEND
from tools.children import Children, Ended
from tools.console import Problem, step

LEAVING = ast.Return | ast.Break | ast.Continue


def test_what_fails_is_never_called_done(capsys):
    with pytest.raises(Problem), step("database migrated"):
        raise Problem("it is away")
    assert capsys.readouterr().out == ""
    with step("database migrated"):
        pass
    assert capsys.readouterr().out.endswith("s  database migrated\n")


def test_a_program_that_ends_early_is_no_success(capsys):
    """`make dev` waits for the server within a step. Once, it printed "server ready"
    although the server had just ended.
    """

    def wait():
        with Children() as children:
            children.start("this_module_does_not_exist")
            with step("server ready"):
                children.wait()

    with pytest.raises(Ended) as end:
        wait()
    said = capsys.readouterr().out
    assert (end.value.code, "server ready" in said, "has ended with exit code 1" in said) == (
        1,
        False,
        True,
    )


def leaving(tree):
    """Return the lines that leave a step early without an error.

    A `return` of a function inside the step does not leave the step.
    """
    found = []
    for block in ast.walk(tree):
        if isinstance(block, ast.With) and any(
            "step(" in ast.unparse(item.context_expr) for item in block.items
        ):
            found += [node.lineno for statement in block.body for node in _own(statement)]
    return found


def _own(node, *, in_loop=False):
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.ClassDef):
        return
    if isinstance(node, ast.Return) or (isinstance(node, LEAVING) and not in_loop):
        yield node
    for child in ast.iter_child_nodes(node):
        yield from _own(child, in_loop=in_loop or isinstance(node, ast.For | ast.While))


@pytest.mark.parametrize(
    ("body", "lines"),
    [
        ("return 1", [2]),
        ("while x:\n        return 1", [3]),
        ("for a in b:\n        break", []),
        ("def f():\n        return 1", []),
        ("raise ValueError", []),
    ],
)
def test_a_step_that_is_left_early_is_found(body, lines):
    assert leaving(ast.parse(f"with step('done'):\n    {body}")) == lines


def test_no_step_is_left_early():
    """A context manager cannot distinguish `return` from the end of its block.

    So after a `return`, it would print that the step is done.
    """
    files = [file for folder in ("tools", "scaffold") for file in (BACKEND / folder).glob("*.py")]
    found = {file.name: leaving(ast.parse(file.read_text("utf-8"))) for file in files}
    assert {name: lines for name, lines in found.items() if lines} == {}
