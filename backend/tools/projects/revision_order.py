"""Puts the migrations of a project and of Liftoff into one sequence.

A project's own revisions follow Liftoff's newest revision. New revisions of Liftoff
follow the same revision as the project's, so Alembic would find two heads. Databases
already have the project's revisions, so Liftoff's new revisions must come after those.
"""

from pathlib import Path

from scaffold.revisions import Revision, relinked, revisions


def put_in_line(project: Path, own_before: str | None) -> list[str]:
    """Make new revisions of Liftoff follow the project's own newest revision.

    `own_before` is the project's newest revision before the merge. Return the names of
    the files that were changed.
    """
    all_revisions = {one.id: one for one in _unordered(project)}
    if own_before is None or own_before not in all_revisions:
        return []
    before = _line(all_revisions, own_before)
    changed = []
    for one in all_revisions.values():
        if one.id not in before and one.down in before and one.down != own_before:
            source = one.path.read_text("utf-8")
            one.path.write_text(relinked(source, str(one.down), own_before), "utf-8")
            changed.append(one.path.name)
    return sorted(changed)


def newest(project: Path) -> str | None:
    """Return the project's newest revision, or `None` if it has none."""
    line = _unordered(project)
    followed = {one.down for one in line}
    heads = [one.id for one in line if one.id not in followed]
    return heads[0] if heads else None


def _unordered(project: Path) -> list[Revision]:
    return revisions(project / "backend")


def _line(known: dict[str, Revision], head: str) -> set[str]:
    """Return a revision and all revisions before it."""
    line: set[str] = set()
    at: str | None = head
    while at is not None and at in known:
        line.add(at)
        at = known[at].down
    return line
