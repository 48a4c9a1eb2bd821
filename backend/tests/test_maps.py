"""The docstring of a package says which file to open for what.

Packages with fewer than three files need no such list.
"""

import ast
import re
from pathlib import Path

import pytest

from app.core.config import BACKEND

FOLDERS = ("app", "scaffold", "simulator", "tools")
SMALLEST = 3
FEATURES = "app/routers"  # the application finds the features by itself
# Every feature has these modules, which `docs/adding-a-feature.md` explains.
PARTS = {"admin", "dependencies", "models", "router", "schemas", "service"}


def files_of(package: Path) -> set[str]:
    """Return the names of a package's public modules and packages."""
    modules = {file.stem for file in package.glob("*.py")}
    packages = {file.parent.name for file in package.glob("*/__init__.py")}
    return {name for name in modules | packages if not name.startswith("_")}


def unnamed(package: Path) -> set[str]:
    """Return the files that the docstring of a package does not name in backticks."""
    source = (package / "__init__.py").read_text("utf-8")
    docstring = ast.get_docstring(ast.parse(source)) or ""
    return files_of(package) - set(re.findall(r"`(\w+)/?`", docstring))


def incomplete(root: Path) -> dict[str, set[str]]:
    """Return the files that no docstring names, for each package below `root`."""
    found = {}
    for folder in FOLDERS:
        for init in (root / folder).rglob("__init__.py"):
            name = init.parent.relative_to(root).as_posix()
            ordinary = PARTS if name.rpartition("/")[0] == FEATURES else set()
            if len(files_of(init.parent)) >= SMALLEST and name != FEATURES:
                found[name] = unnamed(init.parent) - ordinary
    return {name: files for name, files in found.items() if files}


def test_every_package_names_its_files():
    assert incomplete(BACKEND) == {}, "Say in these docstrings what to open each file for."


@pytest.mark.parametrize(
    ("package", "docstring", "missing"),
    [
        ("app/core", "- `text`, `keys`: texts and keys.\n- `logs/`: logs.", set()),
        ("app/core", "The text of keys.\n\n- `keys`: keys.", {"text", "logs"}),
        ("app/core", "", {"text", "keys", "logs"}),
        ("app/routers/notes", "Notes.", {"text", "keys", "logs"}),
        ("app/routers", "Features.", set()),
    ],
)
def test_a_file_that_no_docstring_names_is_found(tmp_path, package, docstring, missing):
    folder = tmp_path / package
    (folder / "logs").mkdir(parents=True)
    names = ("text", "keys", "models", "_private", "__main__", "logs/__init__")
    for name in names if package != "app/core" else set(names) - {"models"}:
        (folder / f"{name}.py").touch()
    (folder / "__init__.py").write_text(f'"""{docstring}"""\n', "utf-8")
    assert incomplete(tmp_path) == ({package: missing} if missing else {})
