"""The checks behind `make migrations`.

The models must match the revisions. squawk checks the SQL for PostgreSQL.
"""

import os
import secrets
import subprocess
import sys
import tempfile
from pathlib import Path

from tools.console import Problem, run, step

BACKEND = Path(__file__).resolve().parents[1]


def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        with step("every revision is applied to an empty SQLite database"):
            database = f"sqlite:///{scratch / 'migrations_test.db'}"
            alembic(database, "upgrade", "head")
        with step("models and revisions agree"):
            alembic(database, "check")
        with step("squawk has checked the PostgreSQL SQL of every revision"):
            sql = scratch / "upgrade.sql"
            sql.write_text(alembic("postgresql://offline/offline", "upgrade", "base:head", "--sql"))
            checked([str(Path(sys.executable).with_name("squawk")), str(sql)], os.environ.copy())
    return 0


def alembic(database: str, *arguments: str) -> str:
    """Run Alembic, and return its output. Raises `Problem` if Alembic fails."""
    # These settings are complete, so no .env is needed. The log level keeps log records
    # out of the SQL.
    environment = {"ENVIRONMENT": "test", "LOG_LEVEL": "error", "DATABASE_URL": database}
    environment |= {"SECRET_KEY": secrets.token_urlsafe(48)}
    return checked([sys.executable, "-m", "alembic", *arguments], os.environ | environment)


def checked(command: list[str], environment: dict[str, str]) -> str:
    done = subprocess.run(
        command, cwd=BACKEND, env=environment, check=False, capture_output=True, text=True
    )
    if done.returncode:
        raise Problem(f"{' '.join(command)} failed:\n{done.stdout}{done.stderr}")
    return done.stdout


if __name__ == "__main__":
    run(main)
