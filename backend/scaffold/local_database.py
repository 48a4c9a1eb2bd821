"""Undoes revisions in the developer's own database.

Usage: `python -m scaffold.local_database NEWEST … OLDEST`. This is a separate process,
because it uses the developer's settings.
"""

import os
import secrets
import sys
from collections.abc import Callable
from typing import Any

from alembic import command
from alembic.runtime.environment import EnvironmentContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, inspect, text
from sqlalchemy.exc import SQLAlchemyError

from app.db.migrations import alembic_config
from scaffold.problems import Refused
from scaffold.project import BACKEND
from tools.console import run

Steps = Callable[[Any, Any], list[Any]]


def main() -> int:
    if not (BACKEND.parent / ".env").exists():  # a clone without .env uses the development settings
        os.environ.setdefault("ENVIRONMENT", "development")
        os.environ.setdefault("SECRET_KEY", secrets.token_urlsafe(48))
    os.environ["LOG_LEVEL"] = "error"
    engine = _engine()
    if engine is not None:
        _take_back(engine, sys.argv[1:])
        engine.dispose()
    return 0


def _engine() -> Engine | None:
    """Return an engine, or `None` if the SQLite file does not exist yet."""
    from app.core.config import get_settings
    from app.db.database import engine

    if (settings := get_settings()).is_deployed:
        raise Refused(
            f"ENVIRONMENT is {settings.environment}. Revisions are undone only in development. "
            "Nothing was changed."
        )
    if engine.dialect.name == "sqlite" and not os.path.exists(str(engine.url.database)):  # noqa: PTH110 - a str
        return None
    return engine


def _take_back(engine: Engine, revisions: list[str]) -> None:
    config = alembic_config(BACKEND)
    script = ScriptDirectory.from_config(config)
    for revision in revisions:
        current = _current(engine)
        if current is None or revision not in {
            one.revision for one in script.iterate_revisions(current, "base")
        }:
            continue
        if current == revision:
            command.downgrade(config, "-1")
        else:  # newer revisions in the database stay, so undo only this one
            with EnvironmentContext(config, script, fn=_only(script, revision)):
                script.run_env()


def _current(engine: Engine) -> str | None:
    try:
        with engine.connect() as connection:
            if not inspect(connection).has_table("alembic_version"):
                return None
            found: str | None = connection.scalar(text("SELECT version_num FROM alembic_version"))
            return found
    except SQLAlchemyError as error:
        reason = " ".join(str(getattr(error, "orig", error)).split())[:200]
        raise Refused(
            f"The local database cannot be read ({reason}), so nothing was changed."
        ) from error


def _only(script: ScriptDirectory, revision: str) -> Steps:
    def downgrade(_heads: Any, _context: Any) -> list[Any]:
        found = script.get_revision(revision)
        assert found
        found.module.downgrade()
        return []

    return downgrade


if __name__ == "__main__":
    run(main)
