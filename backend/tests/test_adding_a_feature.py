"""The files, commands and test in `docs/adding-a-feature.md` work without changes."""

import re

import pytest

from app.core.config import BACKEND
from tests.support.trees import Tree

PAGE = BACKEND / "docs" / "adding-a-feature.md"
FILE = re.compile(r"^`(backend/[\w/.]+)`.*?^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)

pytestmark = pytest.mark.only("sqlite")  # the copy has its own database


@pytest.fixture
def tree(tmp_path):
    tree = Tree(tmp_path / "copy")
    files = FILE.findall(PAGE.read_text("utf-8"))
    assert len(files) == 9
    for name, content in files:
        file = tree.root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content, "utf-8")
    return tree


def succeeded(run):
    assert run.returncode == 0, run.stdout[-3000:] + run.stderr[-3000:]
    return run.stdout


def test_the_feature_of_the_page_is_migrated_tested_and_clean(tree):
    succeeded(tree.python("-m", "alembic", "upgrade", "head"))
    succeeded(tree.python("-m", "alembic", "revision", "--autogenerate", "-m", "notes"))
    succeeded(tree.python("-m", "alembic", "upgrade", "head"))
    succeeded(tree.python("-m", "alembic", "check"))
    succeeded(tree.python("-m", "ruff", "check", "app/routers/notes", "tests/notes", "alembic"))
    succeeded(
        tree.python(
            "-m", "ruff", "format", "--check", "app/routers/notes", "tests/notes", "alembic"
        )
    )
    assert "3 passed" in succeeded(
        tree.python("-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/notes")
    )
    succeeded(tree.python("-m", "tests.openapi_snapshots"))
    assert (tree.backend / "tests/notes/openapi.json").is_file()
    succeeded(tree.python("-m", "alembic", "downgrade", "-1"))
