"""The existing revisions: their tables, their order, and whether they are in git."""

import ast
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import libcst
from alembic.script import ScriptDirectory
from typing_extensions import override

from app.db.migrations import alembic_config

TABLE_FIRST = {
    "create_table",
    "drop_table",
    "add_column",
    "drop_column",
    "alter_column",
    "batch_alter_table",
    "create_search_index",
    "drop_search_index",
}
TABLE_SECOND = {"create_index", "drop_index", "create_foreign_key", "create_unique_constraint"}
TABLE_SECOND |= {"create_check_constraint", "drop_constraint", "create_primary_key"}
UNKNOWN = "?"


@dataclass(frozen=True)
class Revision:
    id: str
    down: str | None
    path: Path

    @property
    def tables(self) -> frozenset[str]:
        """Return the tables that the revision changes.

        `?` stands for changes that cannot be read from the revision's code.
        """
        return frozenset(_tables(ast.parse(self.path.read_text("utf-8"))))

    @property
    def tracked(self) -> bool:
        """Return whether the revision is in git, so that other developers may have run
        it.
        """
        listed = ["git", "ls-files", "--error-unmatch", self.path.name]
        return (
            subprocess.run(
                listed, cwd=self.path.parent, capture_output=True, check=False
            ).returncode
            == 0
        )


def _tables(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and ast.unparse(node.func.value) == "op"
        ):
            place = (
                0
                if node.func.attr in TABLE_FIRST
                else 1
                if node.func.attr in TABLE_SECOND
                else None
            )
            if place is not None:
                named = [
                    keyword.value
                    for keyword in node.keywords
                    if keyword.arg in ("table_name", "source_table")
                ]
                given = [*node.args[place : place + 1], *named]
                yield given[0].value if given and isinstance(given[0], ast.Constant) else UNKNOWN  # type: ignore[misc]
            elif node.func.attr == "execute":
                yield UNKNOWN


def revisions(backend: Path) -> list[Revision]:
    """Return all revisions, newest first."""
    script = ScriptDirectory.from_config(alembic_config(backend))
    return [
        Revision(
            one.revision, str(one.down_revision) if one.down_revision else None, Path(one.path)
        )
        for one in script.walk_revisions()
    ]


def relinked(source: str, old: str, new: str | None) -> str:
    """Return the source of a revision in which `new` replaces the predecessor `old`."""
    moved = libcst.parse_module(
        source.replace(f"\nRevises: {old}\n", f"\nRevises: {new or ''}\n".replace(": \n", ":\n"))
    )
    return moved.visit(_DownRevision(new)).code


class _DownRevision(libcst.CSTTransformer):
    def __init__(self, new: str | None) -> None:
        super().__init__()
        self._value = libcst.parse_expression(f'"{new}"' if new else "None")

    @override
    def leave_Assign(
        self, original_node: libcst.Assign, updated_node: libcst.Assign
    ) -> libcst.Assign:
        target = original_node.targets[0].target
        if isinstance(target, libcst.Name) and target.value == "down_revision":
            return updated_node.with_changes(value=self._value)
        return updated_node
