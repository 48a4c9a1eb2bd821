"""Checks of a restored copy: its revision, and the rules of all features."""

from collections.abc import Iterator

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from app.db.migrations import known_revisions, state_of
from app.platform.doctor import State, all_invariants

from . import BackupFailed
from .manifest import Manifest


def broken_rules(engine: Engine, manifest: Manifest) -> Iterator[str]:
    """Yield the rules that are broken by rows of the copy.

    Such rows already broke the rules in the live database when the backup was made. The
    backup itself is sound. Raises `BackupFailed` if the revision of the copy differs
    from the revision in the manifest.
    """
    with Session(engine) as db:
        if state_of(db) != expected_state(manifest):
            raise BackupFailed("The restored copy does not have the revision of the backup.")
        if expected_state(manifest) != "current":
            return  # the rules are written for the tables of the current revision
        for rule in all_invariants().values():
            finding = rule(db)
            if finding and finding.state is State.FAILURE:
                yield finding.detail


def expected_state(manifest: Manifest) -> str:
    """Return the state of a database with the revision of this backup."""
    head, known = known_revisions()
    if manifest.revision == head:
        return "current"
    return "behind" if manifest.revision in known else "ahead"
