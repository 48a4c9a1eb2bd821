"""In a copy of the project, the commands write, refuse and remove features."""

import json

import pytest

from tests.scaffold.conftest import Repository

# The tests run in a copy of the project, which has its own database.
pytestmark = pytest.mark.only("sqlite")

NOTES = "title:str(80):index text:text?"
INVOICES = "number:str(32):unique amount:money status:enum(draft,paid):index due_at:datetime? "
INVOICES += "customer:ref(auth.User) notes:text?"


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    """A repository for tests that leave it unchanged."""
    return Repository(tmp_path_factory.mktemp("shared") / "liftoff")


@pytest.mark.parametrize(
    "options",
    [
        {"name": "class", "fields": "x:str"},
        {"name": "widgets", "fields": "x:strng(5"},
        {"name": "widgets", "fields": ""},
        {"name": "blog", "fields": "x:str", "plural": "blog"},
        {"name": "widgets", "fields": "x:str", "owner": "me"},
        {"name": "widgets", "fields": "x:str", "parent": "nothing"},
        {"name": "widgets", "fields": "x:str", "parent": "payments"},
        {"name": "widgets", "fields": "post:ref(auth.User)", "parent": "blog.BlogPost"},
    ],
    ids=str,
)
def test_what_is_wrong_writes_nothing(shared, options):
    refused = shared.scaffold("feature", **options)
    assert refused.returncode == 1
    assert refused.stderr
    assert "Traceback" not in refused.stderr
    assert shared.status == []


def test_dry_says_what_it_would_write_and_writes_nothing(shared):
    said = shared.made("feature", name="notes", fields=NOTES, dry="1")
    assert "Would write notes: 18 files" in said
    assert "backend/app/routers/notes/service.py" in said
    assert shared.status == []


@pytest.mark.slow
@pytest.mark.parametrize(
    ("fields", "rule"),
    [("password:str=secret", "S105"), ("l:int", "E741"), (f"a:str={'x' * 150}", "E501")],
)
def test_what_the_style_of_the_house_forbids_is_not_kept(shared, fields, rule):
    refused = shared.scaffold("feature", name="notes", fields=fields)
    assert (refused.returncode, rule in refused.stderr) == (1, True)
    assert shared.status == []


@pytest.mark.slow
def test_a_feature_that_fails_in_the_copy_is_not_kept(repository):
    broken = repository.backend / "app" / "core" / "fields.py"
    broken.write_text(
        broken.read_text("utf-8").replace("Day = Annotated", "Date = Annotated"), "utf-8"
    )
    repository.commit("a mistake")
    refused = repository.scaffold("feature", name="notes", fields="due_on:date?")
    assert refused.returncode == 1
    assert "none of it was kept" in refused.stderr
    assert repository.status == []


def test_a_file_in_the_way_is_not_written_over(repository):
    page = repository.backend / "docs" / "features" / "notes.md"
    page.parent.mkdir(exist_ok=True)
    page.write_text("mine", "utf-8")
    refused = repository.scaffold("feature", name="notes", fields=NOTES)
    assert (refused.returncode, "notes.md already exists" in refused.stderr) == (1, True)
    assert repository.status == ["?? backend/docs/features/notes.md"]
    assert page.read_text("utf-8") == "mine"


@pytest.mark.slow
def test_made_twice_changes_nothing_and_removed_leaves_nothing(repository):
    repository.runs("-m", "alembic", "upgrade", "head")
    repository.made("feature", name="notes", fields=NOTES)
    first = {line: (repository.root / line[3:]).read_bytes() for line in repository.status}
    assert len(first) == 18
    assert all(line.startswith("??") for line in first)  # no existing file has changed
    again = repository.scaffold("feature", name="notes", fields="other:int")
    assert (again.returncode, "already" in again.stderr) == (1, True)
    assert {line: (repository.root / line[3:]).read_bytes() for line in repository.status} == first

    repository.made(
        "feature", name="tags", fields="word:str(20):unique note:ref(notes.Note)?", owner="none"
    )
    refused = repository.scaffold("remove", name="notes", yes="1")
    assert (refused.returncode, "depend on notes: tags" in refused.stderr) == (1, True)
    repository.runs("-m", "alembic", "upgrade", "head")
    circle = repository.scaffold("field", name="notes", fields="tag:ref(tags.Tag)?")
    assert (circle.returncode, "circle" in circle.stderr) == (1, True)

    asked = repository.scaffold("remove", name="tags")
    assert (asked.returncode, "yes=1" in asked.stderr) == (1, True)
    repository.made("remove", name="tag", yes="1")
    repository.runs("-m", "alembic", "check")
    repository.made("remove", name="notes", yes="1")
    assert repository.status == []
    repository.runs("-m", "alembic", "check")
    assert not (repository.backend / "app" / "routers" / "notes").exists()
    assert not (repository.backend / "docs" / "features").exists()


@pytest.mark.slow
def test_a_feature_under_a_parent_is_generated_and_extended(repository):
    repository.made("feature", name="notes", fields=NOTES)
    for options in ({"public": "yes"}, {"owner": "none"}):
        refused = repository.scaffold(
            "feature", name="remarks", fields="word:str", parent="notes", **options
        )
        assert (refused.returncode, "notes" in refused.stderr) == (1, True)
    repository.made("feature", name="remarks", fields="word:str(20):unique", parent="notes")
    repository.made("field", name="remarks", fields="code:str(12)?:unique")
    repository.made(
        "feature",
        name="comments",
        fields="text:str(80):index",
        parent="blog.BlogPost",
        public="yes",
    )
    said = repository.runs(
        "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/remarks", "tests/comments"
    )
    assert " passed" in said
    with_paths = json.loads((repository.backend / "tests/remarks/openapi.json").read_text("utf-8"))[
        "paths"
    ]
    assert sorted(with_paths) == [
        "/notes/{note_id}/remarks",
        "/notes/{note_id}/remarks/{remark_id}",
    ]
    repository.runs("-m", "ruff", "check", "app/routers", "tests/remarks", "tests/comments")


@pytest.mark.long
def test_a_feature_gets_a_search_and_then_more_searched_fields(repository):
    repository.made("feature", name="notes", fields="title:str(80)")
    said = repository.made("field", name="notes", fields="text:text?:search mood:str(20)?")
    assert "make reindex" in said
    repository.made("field", name="notes", fields="place:str(80)?:search")
    models = (repository.backend / "app/routers/notes/models.py").read_text("utf-8")
    assert 'searchable("text", "place")' in models
    repository.runs("-m", "alembic", "upgrade", "head")
    repository.runs("-m", "alembic", "check")
    tests = ("-p", "no:cacheprovider", "tests/notes")
    assert " passed" in repository.runs("-m", "pytest", "-q", *tests)
    repository.runs("-m", "alembic", "downgrade", "-2")
    repository.runs("-m", "ruff", "check", "app/routers/notes", "tests/notes")


@pytest.mark.slow
def test_an_older_feature_is_removed_with_its_rows(repository):
    repository.made("feature", name="notes", fields=NOTES)
    repository.made("feature", name="tags", fields="word:str(20)", owner="none")
    repository.runs("-m", "alembic", "upgrade", "head")
    insert = (
        "insert into tags (word, created_at, updated_at) values ('kept', '2026-01-01', "
        "'2026-01-01')"
    )
    query(repository, insert)
    repository.made("remove", name="notes", yes="1")
    assert not any("notes" in line for line in repository.status)
    repository.runs("-m", "alembic", "check")
    assert query(repository, "select word from tags") == "[('kept',)]"
    assert query(repository, "select name from sqlite_master where name = 'notes'") == "[]"


def query(repository, sql):
    program = f"""
import sqlite3
with sqlite3.connect("../.data/liftoff.db") as db:
    print(db.execute({sql!r}).fetchall())
"""
    return repository.runs("-c", program).strip()


@pytest.mark.slow
def test_a_feature_that_git_has_is_dropped_by_a_new_revision(repository):
    repository.made("feature", name="invoices", fields=INVOICES)
    repository.commit("invoices")
    repository.runs("-m", "alembic", "upgrade", "head")
    repository.made("remove", name="invoices", yes="1")
    kept = [line for line in repository.status if not line.startswith(" D")]
    assert len(kept) == 1
    assert kept[0].endswith("_drop_invoices.py")
    assert not any("versions" in line for line in repository.status if line.startswith(" D"))
    repository.runs("-m", "alembic", "upgrade", "head")
    repository.runs("-m", "alembic", "check")
    repository.runs("-m", "alembic", "downgrade", "-1")
    repository.runs("-m", "alembic", "upgrade", "head")


def test_a_feature_without_a_revision_goes_without_one(repository):
    folder = repository.backend / "app" / "routers" / "drafts"
    folder.mkdir()
    (folder / "__init__.py").write_text("", "utf-8")
    model = "class Draft(Base):\n    __tablename__ = 'drafts'\n    id: Mapped[PrimaryKey]\n"
    imports = (
        "from sqlalchemy.orm import Mapped\nfrom app.db.database import Base\nfrom app.db.types "
        "import PrimaryKey\n"
    )
    (folder / "models.py").write_text(f"{imports}\n{model}", "utf-8")
    router = "from fastapi import APIRouter\n\nfrom .models import Draft\n\nrouter = APIRouter()\n"
    (folder / "router.py").write_text(router, "utf-8")
    repository.made("remove", name="drafts", yes="1")
    assert repository.status == []


def test_a_hand_written_feature_is_no_feature_to_add_fields_to(shared):
    refused = shared.scaffold("field", name="blog", fields="x:str?")
    assert (refused.returncode, "by hand" in refused.stderr) == (1, True)
    assert shared.status == []


def test_the_application_does_not_know_the_generator():
    from app.core.config import BACKEND, ROOT

    assert not [
        path for path in (BACKEND / "app").rglob("*.py") if "scaffold" in path.read_text("utf-8")
    ]
    assert (
        "scaffold"
        not in (ROOT / ".dockerignore").read_text() + (BACKEND / "Dockerfile").read_text()
    )
