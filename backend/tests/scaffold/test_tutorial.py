"""The commands, changes and test in `docs/tutorial.md` work without changes."""

import re
import subprocess

import pytest

from app.core.config import BACKEND

pytestmark = [pytest.mark.only("sqlite"), pytest.mark.long]

BLOCK = re.compile(
    r"(?:^`(?P<file>backend/[\w/.]+)`\n\n)?^```(?P<kind>\w+)\n(?P<text>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)


def test_the_tutorial_works_from_the_first_command_to_the_last(repository_with_venv):
    tree = repository_with_venv
    done = []
    for block in BLOCK.finditer((BACKEND / "docs" / "tutorial.md").read_text("utf-8")):
        if block["kind"] == "console":
            for command in block["text"].splitlines():
                run(tree, command)
        elif block["kind"] == "diff":
            apply = ["git", "apply", "--recount", "-"]
            subprocess.run(apply, cwd=tree.root, input=block["text"], text=True, check=True)
        else:
            (tree.root / block["file"]).write_text(block["text"], "utf-8")
        done.append(block["kind"])
    assert done == ["console", "console", "diff", "diff", "python", "console", "console", "console"]
    assert tree.status == []


def run(tree, command):
    """Run a command of the page. If the command runs tests, they run only on SQLite."""
    if command == "make test only=bookings":
        assert " passed" in tree.runs(
            "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/bookings"
        )
        tree.runs("-m", "ruff", "check", "app/routers/bookings", "tests/bookings", "alembic")
        tree.runs(
            "-m", "ruff", "format", "--check", "app/routers/bookings", "tests/bookings", "alembic"
        )
        return
    tree.shell(command)
