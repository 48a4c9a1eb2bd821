"""The program behind `make feature-remove`."""

import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Table

from scaffold import project as known
from scaffold.migrations import creating, dropping, tables_of, write_revision
from scaffold.problems import Refused
from scaffold.project import BACKEND, OWN_ENVIRONMENT, Project, look
from scaffold.revisions import Revision, relinked, revisions
from scaffold.staging import keep, staged
from scaffold.words import plural_of


@dataclass(frozen=True)
class Removal:
    """The files and tables to remove.

    Revisions come newest first. If `deleted` is empty, a new revision drops the tables.
    """

    name: str
    places: tuple[Path, ...]
    tables: tuple[Table, ...]  # each table comes before tables that refer to it
    deleted: tuple[Revision, ...]
    moved: tuple[tuple[Revision, str | None], ...]  # revisions that get another predecessor


def remove(name: str, *, yes: bool) -> str:
    """Remove a feature, and return a report.

    Raises `Refused` if that is impossible. In that case, nothing is changed.
    """
    removal = plan(name, look())
    if not yes:
        _ask(removal)
    new = [] if removal.deleted or not removal.tables else _drop(removal)
    if removal.deleted:
        _take_back(removal)
    for place in removal.places:
        _delete(place)
    return _report(removal, new)


def plan(name: str, project: Project) -> Removal:
    """Return what to remove. Raises `Refused` if the feature cannot be removed."""
    name = name if name in project.features else plural_of(name)
    if name not in project.features:
        raise Refused(
            f"There is no feature {name}. The features are {', '.join(sorted(project.features))}."
        )
    users = sorted(other for other in project.features - {name} if name in known.depends_on(other))
    if users:
        raise Refused(
            f"Other features depend on {name}: {', '.join(users)}. Remove them first. Nothing was "
            "changed."
        )
    everything = revisions(BACKEND)
    made = frozenset[str]().union(*(revision.tables for revision in everything))
    tables = tuple(
        table for table in tables_of(name) if table.name in made
    )  # a new table may not be in any revision yet
    deleted, moved = _revisions_of(frozenset(table.name for table in tables), everything)
    candidates = [
        BACKEND / "app/routers" / name,
        BACKEND / "tests" / name,
        BACKEND / f"docs/features/{name}.md",
    ]
    return Removal(
        name, tuple(place for place in candidates if place.exists()), tables, deleted, moved
    )


def _revisions_of(
    tables: frozenset[str], everything: list[Revision]
) -> tuple[tuple[Revision, ...], tuple[tuple[Revision, str | None], ...]]:
    """Return the revisions to delete, and the revisions that get another predecessor.

    If a revision to delete is in git, other developers may have run it. In that case,
    both results are empty.
    """
    touching = [revision for revision in everything if revision.tables & tables]
    if not touching or any(revision.tracked or revision.tables - tables for revision in touching):
        return (), ()
    down = {revision.id: revision.down for revision in touching}
    moved = []
    for revision in everything:
        if revision.id not in down and revision.down in down:
            below: str | None = revision.down
            while below in down:
                below = down[below]
            moved.append((revision, below))
    if any(revision.tracked for revision, _ in moved):
        return (), ()
    return tuple(touching), tuple(moved)


def _ask(removal: Removal) -> None:
    files = sum(
        1 for place in removal.places for path in [place, *place.rglob("*")] if path.is_file()
    )
    rows = ", ".join(table.name for table in removal.tables) or "no table"
    print(f"This deletes {removal.name}: {files} files, and {rows} with every row.")
    try:
        answer = input("Type its name to continue: ")
    except EOFError:
        answer = ""
    if answer.strip() != removal.name:
        raise Refused("Nothing was changed. (With yes=1, the command does not ask.)")


def _drop(removal: Removal) -> list[str]:
    """Write a revision whose upgrade drops the tables.

    The downgrade of this revision creates the tables again.
    """
    with staged() as stage:
        upgrade = dropping(*reversed(removal.tables))
        write_revision(stage.backend, f"drop {removal.name}", upgrade, creating(*removal.tables))
        new = stage.changed()
    keep(new)
    return list(new)


def _take_back(removal: Removal) -> None:
    """Undo the revisions in the developer's own database, then delete their files."""
    command = [
        sys.executable,
        "-m",
        "scaffold.local_database",
        *(revision.id for revision in removal.deleted),
    ]
    done = subprocess.run(
        command, cwd=BACKEND, env=OWN_ENVIRONMENT, check=False, stderr=subprocess.PIPE, text=True
    )
    if done.returncode:
        raise Refused(done.stderr.strip())
    for revision, below in removal.moved:
        text = revision.path.read_text("utf-8")
        revision.path.write_text(relinked(text, str(revision.down), below), "utf-8")
    for revision in removal.deleted:
        for compiled in (revision.path.parent / "__pycache__").glob(f"{revision.path.stem}.*"):
            compiled.unlink()
        revision.path.unlink()


def _delete(place: Path) -> None:
    if place.is_dir():
        shutil.rmtree(place)
    else:
        place.unlink()
        if not any(place.parent.iterdir()):
            place.parent.rmdir()


def _report(removal: Removal, new: list[str]) -> str:
    gone = [*removal.places, *(revision.path for revision in removal.deleted)]
    lines = [
        f"Removed {removal.name}:",
        *(f"  {place.relative_to(BACKEND.parent)}" for place in gone),
    ]
    lines += [
        f"Wrote backend/{name}, because the revisions of the feature are in git. Next: run make "
        "migrate"
        for name in new
    ]
    return "\n".join(lines)
