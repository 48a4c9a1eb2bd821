"""The program that runs in the copy of the project, because it imports the new code.

Usage: `python -m scaffold.staged create NAME`.
"""

import sys
from pathlib import Path

from app.core.features import load_models
from app.db.database import Base
from app.main import app
from scaffold.migrations import adding, creating, dropping, tables_of, write_revision
from tests import openapi_snapshots

NAMED = 2  # maximum number of columns in a revision's name
BACKEND = Path(__file__).resolve().parents[1]


def create(name: str) -> None:
    """Write the revision that creates the tables, and the OpenAPI snapshot."""
    load_models()
    tables = tables_of(name)
    down = dropping(*reversed(tables))  # a table before the tables that it refers to
    write_revision(BACKEND, name.replace("_", " "), creating(*tables), down)
    snapshot(name)


def extend(name: str, *columns: str) -> None:
    """Write the revision that adds the columns, and the OpenAPI snapshot."""
    load_models()
    table = Base.metadata.tables[name]
    upgrade, downgrade = adding(table, columns)
    more = f" and {len(columns) - NAMED} more" if len(columns) > NAMED else ""
    message = f"{name.replace('_', ' ')}: add {', '.join(columns[:NAMED])}{more}"
    write_revision(BACKEND, message, upgrade, downgrade, batch=True)
    snapshot(name)


def snapshot(name: str) -> None:
    file = openapi_snapshots.TESTS / name / "openapi.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(openapi_snapshots.snapshots(app.openapi())[file], "utf-8")


COMMANDS = {"create": create, "extend": extend}

if __name__ == "__main__":
    COMMANDS[sys.argv[1]](*sys.argv[2:])
