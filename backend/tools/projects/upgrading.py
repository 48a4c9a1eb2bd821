"""A three-way merge of a project with a newer version of Liftoff.

The first commit of a project contains exactly the rendered files. Each upgrade adds a
commit with the rendered files of the newer version. Its parent is the commit with the
files of the version before. Git then merges this commit like a branch. It takes over a
change that only one side made. Where both sides have changed the same lines
differently, there is a conflict.
"""

import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

from tools.console import Problem
from tools.projects.origin import FILE, Origin, origin_of
from tools.projects.rendering import render
from tools.projects.repository import (
    MADE_FROM,
    answer,
    commit_message,
    git,
    identity,
    tree_of,
)
from tools.projects.revision_order import newest, put_in_line


@dataclass(frozen=True)
class Upgrade:
    """The result of an upgrade. If there are conflicts, the merge is not committed."""

    commit: str
    conflicts: list[str]
    moved: list[str]  # files of revisions that now follow the project's own


def upgrade(template: Path, project: Path, source: str | None = None) -> Upgrade:
    """Merge the last commit of `template` into a project.

    `source` is stored as the place where later versions are. Raises `Problem` if the
    project has uncommitted changes, is already at this version, or does not contain the
    commit with which it was made.
    """
    origin = origin_of(project)
    commit = answer(template, "rev-parse", "HEAD")
    if commit == origin.commit:
        raise Problem(f"This project is already at the newest version, {commit[:7]}.")
    if answer(project, "status", "--porcelain"):
        raise Problem("Commit or stash your changes first. The upgrade is a merge.")
    base = _rendered_commit(project, origin.commit)
    own_before = newest(project)
    wanted = replace(origin, commit=commit, source=source or origin.source)
    merged = _rendered(template, project, wanted, base)
    who = identity(project, origin.name.title)
    git(project, "merge", "--no-ff", "--no-commit", merged, check=False, env=who)
    conflicts = answer(project, "diff", "--name-only", "--diff-filter=U").splitlines()
    if not conflicts and not _is_merging(project):
        raise Problem("git merge has stopped without a conflict. git status says more.")
    moved = [] if _in_revisions(conflicts) else put_in_line(project, own_before)
    for name in moved:
        git(project, "add", f"backend/alembic/versions/{name}")
    if not conflicts:
        message = f"Upgrade to Liftoff {commit[:7]}"
        git(project, "commit", "--quiet", "--no-verify", "--message", message, env=who)
    return Upgrade(commit, conflicts, moved)


def _rendered_commit(project: Path, commit: str) -> str:
    """Return the commit of this project whose files are exactly those of the version at
    `commit`.
    """
    found = answer(
        project, "log", "--all", "--format=%H", "--max-count=1", f"--grep=^{MADE_FROM}: {commit}$"
    )
    if not found:
        raise Problem(
            f"No commit of this project has the line {MADE_FROM}: {commit}. Either the history is "
            f"incomplete (git fetch --unshallow), or {FILE} was changed by hand."
        )
    return found


def _rendered(template: Path, project: Path, origin: Origin, parent: str) -> str:
    """Store the rendered version as a commit after `parent`, and return its id."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "rendered"
        folder.mkdir()
        render(template, origin, folder)
        tree = tree_of(folder, project)
    message = commit_message(origin.name.title, origin.commit)
    who = identity(project, origin.name.title)
    return answer(project, "commit-tree", tree, "-p", parent, "-m", message, env=who)


def _is_merging(project: Path) -> bool:
    head = git(project, "rev-parse", "--quiet", "--verify", "MERGE_HEAD", check=False)
    return head.returncode == 0


def _in_revisions(conflicts: list[str]) -> bool:
    return any(name.startswith("backend/alembic/versions/") for name in conflicts)
