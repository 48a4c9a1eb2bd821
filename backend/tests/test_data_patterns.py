"""The links in `docs/data-patterns.md` lead to existing code, and its examples run."""

import ast
import inspect
import re
from pathlib import Path

import pytest

from app.core.config import BACKEND

PAGE = BACKEND / "docs" / "data-patterns.md"
TEXT = PAGE.read_text("utf-8")
LINK = re.compile(r"\[([^\]]+)\]\(([^)#]*)(?:#([^)]+))?\)")
FEATURE = re.compile(r"app/routers/\w+|tests/blog")
EXAMPLES = re.findall(r"^```python\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)


def links():
    """Return each link of the page, except links to deleted features."""
    for text, path, chapter in LINK.findall(TEXT):
        file = (PAGE.parent / path).resolve() if path else PAGE
        feature = FEATURE.search(str(file))
        if feature is None or (BACKEND / feature[0]).is_dir():
            yield text, file, chapter


def names_in(file: Path) -> set[str]:
    """Return the names that a module defines at any depth."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
    return names


def chapters_of(page: Path) -> set[str]:
    """Return the anchors that GitHub gives to the headings of a page."""
    titles = re.findall(r"^#+ (.+)$", page.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}


def test_every_link_leads_to_what_it_names():
    found = list(links())
    assert len(found) > 30
    for text, file, chapter in found:
        assert file.exists(), file
        if chapter:
            assert chapter in chapters_of(file), (file.name, chapter)
        if name := re.fullmatch(r"`(\w+)`", text):
            assert name[1] in names_in(file), (text, file)


@pytest.mark.parametrize("number", range(len(EXAMPLES)))
def test_every_example_runs(number, db, request):
    names: dict[str, object] = {}
    exec(compile(EXAMPLES[number], str(PAGE), "exec"), names)  # noqa: S102 - our own page
    tests = [value for name, value in names.items() if name.startswith("test_")]
    assert tests
    for test in tests:
        assert inspect.isfunction(test)
        wanted = inspect.signature(test).parameters
        test(**{name: request.getfixturevalue(name) for name in wanted})
