"""Checks whether the database schema fits the code."""

import ast
import time
from functools import lru_cache
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, Literal

from sqlalchemy import Boolean, Column, DefaultClause, Enum, inspect, text
from sqlalchemy.orm import Session

from app.core.config import BACKEND
from app.core.logging import get_logger

from .types import (
    ExactDecimal,
    JsonObject,
    LongBinary,
    LongText,
    SearchTokens,
    TextDefault,
    UtcDateTime,
)

if TYPE_CHECKING:
    from alembic.autogenerate.api import AutogenContext
    from alembic.config import Config

State = Literal["current", "ahead", "behind"]
VERSIONS = BACKEND / "alembic" / "versions"
RECHECK_SECONDS = 1.0


@lru_cache
def known_revisions(folder: Path = VERSIONS) -> tuple[str, frozenset[str]]:
    """Return the head revision, and all revisions that this code knows.

    Raises `RuntimeError` if there are several heads.
    """
    after = dict(_revision_in(file) for file in folder.glob("*.py"))
    heads = sorted(set(after).difference(*after.values()))
    if len(heads) != 1:
        raise RuntimeError(
            f"The migrations have {len(heads)} heads ({', '.join(heads)}). Merge them with "
            "`alembic merge heads`"
        )
    return heads[0], frozenset(after)


def _revision_in(file: Path) -> tuple[str, tuple[str, ...]]:
    """Return the revision in a file, and the revisions that it follows.

    The file is read without Alembic, which would take 7 MB of memory in each process.
    """
    found: dict[str, Any] = {}
    for node in ast.parse(file.read_text("utf-8")).body:
        if not isinstance(node, ast.Assign) or not isinstance(node.targets[0], ast.Name):
            continue
        if (name := node.targets[0].id) in ("revision", "down_revision"):
            found[name] = ast.literal_eval(node.value)
    before = found["down_revision"]
    return found["revision"], (before,) if isinstance(before, str) else tuple(before or ())


def state_of(db: Session) -> State:
    """Return the state of the schema.

    A database without any migration is `behind`. A database that newer code has
    migrated is `ahead`.
    """
    connection = db.connection(execution_options={"reading": True})
    if not inspect(connection).has_table("alembic_version"):
        return "behind"
    revision = db.scalar(text("SELECT version_num FROM alembic_version"))
    head, known = known_revisions()
    if revision == head:
        return "current"
    return "behind" if revision is None or revision in known else "ahead"


def alembic_config(backend: Path = BACKEND) -> "Config":
    """Return Alembic's configuration, which works from any directory.

    The path may contain `%`, which Alembic would otherwise interpret.
    """
    from alembic.config import Config

    config = Config(str(backend / "alembic.ini"))
    for name, place in {
        "script_location": backend / "alembic",
        "prepend_sys_path": backend,
    }.items():
        config.set_main_option(name, str(place).replace("%", "%%"))
    return config


OURS = (UtcDateTime, ExactDecimal, JsonObject, LongText, LongBinary, SearchTokens, TextDefault)


def render_item(kind: str, item: object, autogen: "AutogenContext") -> str | Literal[False]:
    """Render our own column types and defaults in a revision, with their imports."""
    if isinstance(item, Enum):
        return render_enum(item)
    ours = item.arg if kind == "server_default" and isinstance(item, DefaultClause) else item
    if not isinstance(ours, OURS):
        return False
    autogen.imports.add(f"from app.db.types import {type(ours).__name__}")
    return (
        repr(ours) if isinstance(ours, ExactDecimal | TextDefault) else f"{type(ours).__name__}()"
    )


def render_enum(enum: Enum) -> str:
    """Render an enum in a revision as SQLAlchemy's `Enum`.

    The result is the same for every database.
    """
    arguments = [*map(repr, enum.enums), f"name={enum.name!r}"]
    if not enum.native_enum:
        arguments += ["native_enum=False", f"length={enum.length}"]
    return f"sa.Enum({', '.join(arguments)})"


def compare_server_default(
    _context: object, _there: object, column: Column[Any], there: str | None, *rendered: object
) -> bool | None:
    """Return whether the default of a column differs from the default in its model.

    `None` leaves the decision to Alembic. Alembic would let PostgreSQL compare the
    defaults, but PostgreSQL has no `=` for JSON, and each database formats a default
    for JSON differently. So for a `TextDefault`, only its presence is compared. MySQL
    reports `true` as 1.
    """
    default = column.server_default
    if isinstance(default, DefaultClause) and isinstance(default.arg, TextDefault):
        return there is None
    if isinstance(column.type, Boolean) and default is not None and there is not None:
        return _is_true(there) != _is_true(rendered[-1])
    return None


def _is_true(default: object) -> bool:
    return str(default).strip("'()").lower() in {"true", "1"}


class SchemaGate:
    """A gate that opens when the schema fits the code.

    While the gate is closed, it allows one check per second.
    """

    def __init__(self) -> None:
        self.state: State | None = None
        self._checked_at = -RECHECK_SECONDS
        self._lock = Lock()

    @property
    def open(self) -> bool:
        return self.state in ("current", "ahead")

    def check(self, db: Session) -> State:
        """Check the schema now.

        A change of the state is logged, unless the schema is now current.
        """
        state = state_of(db)
        if state not in ("current", self.state):
            get_logger(__name__).warning("database_schema", state=state)
        self.state = state
        return state

    def due(self) -> bool:
        """Return whether this caller should check the schema.

        Before the first result, every caller should check. After that, one caller per
        second should.
        """
        with self._lock:
            due = self.state is None or time.monotonic() - self._checked_at >= RECHECK_SECONDS
            if due:
                self._checked_at = time.monotonic()
            return due


gate = SchemaGate()
