"""The commands, files and changes in `docs/handbook.md` work without changes."""

import re
import subprocess

import pytest

from app.core.config import BACKEND

pytestmark = pytest.mark.only("sqlite")
PAGE = (BACKEND / "docs" / "handbook.md").read_text("utf-8")
BLOCK = re.compile(
    r"(?:^`(?P<file>backend/[\w/.]+)`\n\n)?^```(?P<kind>\w+)\n(?P<text>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
FIXTURES = BACKEND / "tests" / "support" / "fixtures.py"


@pytest.mark.long
def test_the_handbook_works_from_the_first_command_to_the_last(repository_with_venv):
    tree = repository_with_venv
    tree.shell("make migrate")
    for block in BLOCK.finditer(PAGE):
        match block["kind"]:
            case "console":
                for command in block["text"].splitlines():
                    tree.shell(command)
            case "stops":
                with pytest.raises(
                    AssertionError, match=r"no revision was written|may not be NULL"
                ):
                    tree.shell(block["text"].strip())
            case "diff":
                apply = ["git", "apply", "--recount", "-"]
                subprocess.run(apply, cwd=tree.root, input=block["text"], text=True, check=True)
            case "revision":
                put_into_the_newest_revision(tree, block["text"])
            case _:
                file = tree.root / block["file"]
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(block["text"], "utf-8")
    assert "Liftoff" not in tree.runs("-c", "import app.main; print(app.main.app.title)")


def put_into_the_newest_revision(tree, text):
    """Edit the newest revision as a developer would.

    The imports go to the top of the file, and the new functions replace the empty ones.
    """
    newest = max(
        (tree.backend / "alembic" / "versions").glob("*.py"),
        key=lambda file: file.stat().st_mtime_ns,
    )
    head, _, rest = newest.read_text("utf-8").partition("revision = ")
    imports, _, functions = text.partition("def upgrade")
    values = rest.partition("def upgrade")[0]
    newest.write_text(f"{head}{imports}revision = {values}def upgrade{functions}", "utf-8")


def test_the_handbook_lists_every_fixture():
    source = FIXTURES.read_text("utf-8")
    fixtures = set(re.findall(r"^@pytest\.fixture.*\ndef ([a-z]\w*)\(", source, re.MULTILINE))
    chapter = PAGE.partition("| Fixture | Gives |")[2].partition("\n\n")[0]
    first_cells = [row.split("|")[1] for row in chapter.splitlines() if row.count("|") > 1]
    listed = {name for cell in first_cells for name in re.findall(r"`(\w+)`", cell)}
    assert listed == fixtures - {"no_database_on_the_event_loop"}
