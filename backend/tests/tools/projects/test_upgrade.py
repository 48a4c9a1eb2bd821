"""An upgrade keeps the project's changes, and names the conflicts."""

import pytest

from scaffold.revisions import revisions
from tests.tools.projects.conftest import NAME, commit
from tools.console import Problem
from tools.projects.origin import origin_of
from tools.projects.repository import answer, git
from tools.projects.revision_order import newest
from tools.projects.upgrading import upgrade

pytestmark = pytest.mark.slow

SERVICE = "backend/app/routers/blog/service.py"
VERSIONS = "backend/alembic/versions"
REVISION = '''"""{name}

Revision ID: {name}
Revises: {down}
Create Date: 2026-12-01 10:00:00
"""

from alembic import op

revision = "{name}"
down_revision = "{down}"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SELECT 1")


def downgrade() -> None:
    op.execute("SELECT 1")
'''


def change(folder, path, old, new):
    text = (folder / path).read_text()
    assert text.count(old) == 1
    (folder / path).write_text(text.replace(old, new))


def add_revision(folder, name, down=None):
    text = REVISION.format(name=name, down=down or newest(folder))
    (folder / VERSIONS / f"{name}.py").write_text(text)


@pytest.fixture
def changed(project):
    """A project whose developers have changed code and texts, added a revision, and
    deleted a page.
    """
    change(project, SERVICE, "Post rules.", "Rules of posts in our shop.")
    (project / "README.md").write_text("# Ours\n")
    (project / "backend/docs/tutorial.md").unlink()
    (project / "backend/app/ours.py").write_text('"""Our own module."""\n')
    add_revision(project, "ours1")
    commit(project, "Our work")
    return project


def test_changes_of_both_sides_are_kept(original, changed):
    change(original, SERVICE, "class NotTheAuthor(Forbidden):", "class NotTheWriter(Forbidden):")
    (original / "backend/app/newer.py").write_text('"""Part of Liftoff."""\n')
    commit(original, "Newer")
    done = upgrade(original, changed)
    assert (done.conflicts, answer(changed, "status", "--porcelain")) == ([], "")
    service = (changed / SERVICE).read_text()
    assert "Rules of posts in our shop." in service
    assert "class NotTheWriter(Forbidden):" in service
    assert (changed / "backend/app/newer.py").read_text() == f'"""Part of {NAME.title}."""\n'
    assert (changed / "backend/app/ours.py").exists()
    assert (changed / "README.md").read_text() == "# Ours\n"
    assert not (changed / "backend/docs/tutorial.md").exists()
    assert origin_of(changed).commit == done.commit == answer(original, "rev-parse", "HEAD")


def test_new_revisions_follow_the_projects_own(original, changed):
    """A database of the project already has its own revisions.

    Each upgrade puts Liftoff's new revision after the project's newest one.
    """
    first = newest(original)
    add_revision(original, "theirs1")
    commit(original, "Newer")
    assert upgrade(original, changed).moved == ["theirs1.py"]
    add_revision(changed, "ours2")
    commit(changed, "More work")
    add_revision(original, "theirs2")
    commit(original, "Even newer")
    assert upgrade(original, changed).moved == ["theirs2.py"]
    line = [one.id for one in revisions(changed / "backend")]
    assert line[:5] == ["theirs2", "ours2", "theirs1", "ours1", first]


def test_conflicts_are_named_and_nothing_is_lost(original, changed):
    change(original, SERVICE, "Post rules.", "The rules for posts.")
    add_revision(original, "theirs1")
    commit(original, "Newer")
    before = answer(changed, "rev-parse", "HEAD")
    done = upgrade(original, changed)
    assert (done.conflicts, done.moved) == ([SERVICE], ["theirs1.py"])
    text = (changed / SERVICE).read_text()
    assert "Rules of posts in our shop." in text
    assert "The rules for posts." in text
    git(changed, "merge", "--abort")
    assert answer(changed, "rev-parse", "HEAD") == before
    assert answer(changed, "status", "--porcelain") == ""


def test_a_project_without_own_revisions_takes_the_new_ones(original, project):
    add_revision(original, "theirs1")
    commit(original, "Newer")
    assert upgrade(original, project).moved == []
    assert newest(project) == "theirs1"


def test_the_same_version_is_refused(original, project):
    with pytest.raises(Problem, match="already at the newest version"):
        upgrade(original, project)


def test_uncommitted_changes_are_refused(original, project):
    (original / "note").write_text("newer")
    commit(original, "Newer")
    (project / "README.md").write_text("in the middle of work")
    with pytest.raises(Problem, match="Commit or stash"):
        upgrade(original, project)
    assert (project / "README.md").read_text() == "in the middle of work"


def test_a_shortened_history_is_refused(original, project):
    (original / "note").write_text("newer")
    commit(original, "Newer")
    text = (project / ".liftoff.toml").read_text()
    known = origin_of(project).commit
    (project / ".liftoff.toml").write_text(text.replace(known, "0" * 40))
    commit(project, "By hand")
    with pytest.raises(Problem, match="No commit of this project has the line Made-From"):
        upgrade(original, project)


def test_another_repository_is_refused(original, tmp_path):
    with pytest.raises(Problem, match=r"There is no \.liftoff\.toml"):
        upgrade(original, tmp_path)
