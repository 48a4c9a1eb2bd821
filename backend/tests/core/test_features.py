"""The application finds feature folders.

A broken feature stops the start with a message that names its file.
"""

import shutil
import subprocess
import sys
from itertools import count

import pytest

import app.routers
from app.core.config import BACKEND
from app.core.features import BrokenFeature, Feature, discover

NUMBERS = count(1)

ROUTER = (
    "from app.platform.routing import Router\nrouter = Router(prefix='/tasks', tags=['tasks'])\n"
)


@pytest.fixture
def folder(tmp_path):
    """`folder(tasks={"router.py": ...})` makes a folder that contains these
    features.
    """

    def make(**written):
        for name, files in written.items():
            for file, text in files.items():
                path = tmp_path / name / file
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text)
        return tmp_path

    yield make
    discover.cache_clear()


def test_every_folder_is_a_feature_in_sorted_order(folder):
    feature = {"__init__.py": "", "router.py": ""}
    found = discover(
        folder(tasks=feature, billing=feature, __pycache__={"x.pyc": ""}, _drafts={"x": ""})
    )
    assert [feature.name for feature in found] == ["billing", "tasks"]


def test_the_real_features_are_found():
    folders = {file.parent.name for file in (BACKEND / "app" / "routers").glob("*/router.py")}
    assert "auth" in folders
    assert {feature.name for feature in discover()} == folders


def test_what_a_deleted_feature_leaves_behind_is_no_feature(folder):
    """Python's caches are not under version control.

    After `git rm`, the folder still exists, because Python's caches are in it.
    """
    root = folder(tasks={"__pycache__/router.cpython-311.pyc": "", "demo/__pycache__/x.pyc": ""})
    assert discover(root) == ()


@pytest.mark.parametrize("missing", ["__init__.py", "router.py"])
def test_a_feature_folder_without_its_required_files_is_named(folder, missing):
    files = {"__init__.py": "", "router.py": "", "models.py": ""}
    del files[missing]
    with pytest.raises(BrokenFeature, match=rf"tasks/{missing} is missing"):
        discover(folder(tasks=files))


@pytest.mark.parametrize("name", ["my-tasks", "2tasks", "class", "tasks.old"])
def test_a_folder_that_python_cannot_import_is_named(folder, name):
    with pytest.raises(
        BrokenFeature, match=rf"{name}: the name of a feature folder must be a Python name"
    ):
        discover(folder(**{name: {"__init__.py": "", "router.py": ""}}))


BROKEN = {
    "a syntax error": (
        {"service.py": "def f(:\n", "router.py": "from . import service\n"},
        "service.py:1",
    ),
    "an import that fails in models": (
        {"models.py": "\nimport no_such_module\n", "router.py": ROUTER},
        "models.py:2",
    ),
    "an import that fails in the router": (
        {"router.py": "from app.core import nothing\n"},
        "router.py:1",
    ),
    "an import that fails in the service": (
        {
            "service.py": "\n\nfrom .models import Task\n",
            "models.py": "",
            "router.py": "from . import service\n",
        },
        "service.py:3",
    ),
    "an error in the package": ({"__init__.py": "1 / 0\n", "router.py": ROUTER}, "__init__.py:1"),
    "a table that is wrong": (
        {
            "models.py": "from app.db.base import Base\nclass Broken(Base): ...\n",
            "router.py": ROUTER,
        },
        "models.py:2",
    ),
    "a route that is wrong": (
        {"router.py": f"{ROUTER}@router.get('/x')\ndef x() -> open: ...\n"},
        "router.py:3",
    ),
    "a name that is missing": ({"router.py": "router = Router()\n"}, "router.py:1"),
}


@pytest.fixture
def broken(folder, monkeypatch):
    """`broken(files)` makes a feature with these files, where Python finds features."""
    name = f"broken{next(NUMBERS)}"

    def make(files):
        root = folder(**{name: {"__init__.py": ""} | files})
        monkeypatch.setattr(app.routers, "__path__", [*app.routers.__path__, str(root)])
        return Feature(name, root / name)

    yield make
    for module in [module for module in sys.modules if module.startswith(f"app.routers.{name}")]:
        del sys.modules[module]


@pytest.mark.parametrize(("files", "place"), BROKEN.values(), ids=BROKEN)
def test_a_failed_feature_import_names_the_file_and_line(broken, files, place):
    feature = broken(files)
    with pytest.raises(BrokenFeature) as refusal:
        _ = [feature.module(part) for part in ("models", "router")]
    assert str(refusal.value).startswith(f"{feature.path}/{place}: ")


def test_a_part_that_a_feature_does_not_have_is_none(broken):
    assert broken({"router.py": ROUTER}).module("demo") is None


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("def f(:\n", "app/routers/tasks/router.py:1: SyntaxError: "),
        ("routes = []\n", "app/routers/tasks/router.py: it must define `router`"),
    ],
)
def test_start_up_ends_with_the_name_of_the_broken_file(tmp_path, text, says):
    tree = tmp_path / "backend"
    shutil.copytree(
        BACKEND / "app", tree / "app", ignore=shutil.ignore_patterns("__pycache__", "demo")
    )
    (tree / "app" / "routers" / "tasks").mkdir()
    for name, content in (("__init__.py", ""), ("router.py", text)):
        (tree / "app" / "routers" / "tasks" / name).write_text(content)
    start = [sys.executable, "-c", "import app.main"]
    run = subprocess.run(start, cwd=tree, capture_output=True, text=True, check=False)
    assert run.returncode == 1
    assert (
        run.stderr.strip().splitlines()[-1].startswith(f"app.core.features.BrokenFeature: {says}")
    )
