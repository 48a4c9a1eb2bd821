"""Whether the database is where the code needs it."""

import time
from functools import lru_cache
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, Literal

from sqlalchemy import Column, DefaultClause, Enum, inspect, text
from sqlalchemy.orm import Session

from app.core.config import BACKEND
from app.core.logging import get_logger
from app.db.types import ExactDecimal, JsonObject, TextDefault, UtcDateTime

if TYPE_CHECKING:
    from alembic.autogenerate.api import AutogenContext
    from alembic.config import Config

State = Literal["current", "ahead", "behind"]
VERSIONS = BACKEND / "alembic" / "versions"
RECHECK_SECONDS = 1.0


@lru_cache
def known_revisions(folder: Path = VERSIONS) -> tuple[str, frozenset[str]]:
    """The head, and every revision that this code knows. Raises `RuntimeError` where there are several heads."""
    from alembic.script import ScriptDirectory  # slow to import, and only asked for once

    script = ScriptDirectory(str(folder.parent))
    heads = script.get_heads()
    if len(heads) != 1:
        raise RuntimeError(
            f"The migrations have {len(heads)} heads ({', '.join(heads)}): join them with `alembic merge heads`"
        )
    return heads[0], frozenset(revision.revision for revision in script.walk_revisions())


def state_of(db: Session) -> State:
    """`behind` also covers a database without any migration; `ahead` is one that newer code migrated."""
    connection = db.connection(execution_options={"reading": True})
    if not inspect(connection).has_table("alembic_version"):
        return "behind"
    revision = db.scalar(text("SELECT version_num FROM alembic_version"))
    head, known = known_revisions()
    if revision == head:
        return "current"
    return "behind" if revision is None or revision in known else "ahead"


def alembic_config(backend: Path = BACKEND) -> "Config":
    """What `alembic.ini` says, whatever the working directory is and whatever characters the path has."""
    from alembic.config import Config

    config = Config(str(backend / "alembic.ini"))
    for name, place in {"script_location": backend / "alembic", "prepend_sys_path": backend}.items():
        config.set_main_option(name, str(place).replace("%", "%%"))
    return config


def render_item(kind: str, item: object, autogen: "AutogenContext") -> str | Literal[False]:
    """In revisions: our own column types and defaults by their names, with the import that they need."""
    if isinstance(item, Enum):
        return render_enum(item)
    ours = item.arg if kind == "server_default" and isinstance(item, DefaultClause) else item
    if not isinstance(ours, UtcDateTime | ExactDecimal | JsonObject | TextDefault):
        return False
    autogen.imports.add(f"from app.db.types import {type(ours).__name__}")
    return repr(ours) if isinstance(ours, ExactDecimal | TextDefault) else f"{type(ours).__name__}()"


def render_enum(enum: Enum) -> str:
    """In revisions: SQLAlchemy's `Enum`, from whichever database its values were read."""
    arguments = [*map(repr, enum.enums), f"name={enum.name!r}"]
    if not enum.native_enum:
        arguments += ["native_enum=False", f"length={enum.length}"]
    return f"sa.Enum({', '.join(arguments)})"


def compare_server_default(
    _context: object, _there: object, column: Column[Any], there: str | None, *_rendered: object
) -> bool | None:
    """Whether the default of a column in the database is another one; None where Alembic's own answer will do.

    It would let PostgreSQL compare, which has no `=` for JSON, and each database tells such a text in its own words. So
    of a `TextDefault` only whether there is one is compared.
    """
    default = column.server_default
    if isinstance(default, DefaultClause) and isinstance(default.arg, TextDefault):
        return there is None
    return None


class SchemaGate:
    """Remembers that the schema is fit to serve, and looks again, at most once a second, while it is not."""

    def __init__(self) -> None:
        self.state: State | None = None
        self._checked_at = -RECHECK_SECONDS
        self._lock = Lock()

    @property
    def open(self) -> bool:
        return self.state in ("current", "ahead")

    def check(self, db: Session) -> State:
        """Look now, whatever is remembered. What an operator should know is logged when it becomes so."""
        state = state_of(db)
        if state not in ("current", self.state):
            get_logger(__name__).warning("database_schema", state=state)
        self.state = state
        return state

    def due(self) -> bool:
        """Whether this caller should look: everybody before the first answer, then one a second."""
        with self._lock:
            due = self.state is None or time.monotonic() - self._checked_at >= RECHECK_SECONDS
            if due:
                self._checked_at = time.monotonic()
            return due


gate = SchemaGate()
