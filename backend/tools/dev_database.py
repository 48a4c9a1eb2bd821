"""The database of `make dev`: its file, its migrations and its demo data.

The application is imported inside functions, for the reasons that `tools.dev` names.
"""

import time
from tempfile import NamedTemporaryFile
from typing import TYPE_CHECKING

from tools.console import Problem, step

if TYPE_CHECKING:
    from app.core.config import Settings

DEMO_SECONDS = 8  # enough for the second attempt of a job, which begins after six seconds


def require_database_file(settings: "Settings") -> None:
    """Raise `Problem` if the SQLite file cannot be written.

    This check comes before the server starts, because the server would report the same
    problem again.
    """
    from app.core.database_urls import make_folder, unusable

    if (file := settings.sqlite_file) is None:
        return
    make_folder(file)
    try:
        file.open("ab").close()
        NamedTemporaryFile(dir=file.parent).close()  # SQLite writes its log next to the file
    except OSError as error:
        raise Problem(unusable(file, error)) from error


def prepare_database() -> None:
    """Migrate the database and load the demo data.

    Raises `Problem` if the database cannot be used.
    """
    from alembic.util import CommandError
    from sqlalchemy.exc import SQLAlchemyError

    try:
        # This import creates the engine, so a malformed URL fails here.
        from app.cli import migrate, seed

        with step("database migrated"):
            migrate()
        with step("demo data loaded"):
            seed()
    except (SQLAlchemyError, CommandError) as error:
        reason = " ".join(str(getattr(error, "orig", None) or error).split())[:200]
        raise Problem(
            f"DATABASE_URL cannot be used: {reason}. Start that database, or leave DATABASE_URL "
            "empty to use SQLite."
        ) from error


def finish_demo(settings: "Settings") -> None:
    """Run the jobs that the demo data queued.

    These jobs create the Stripe prices, so that the plans can be bought. The time is
    limited, because a Stripe other than the simulator may refuse the calls. In that
    case, a worker of the development server tries again and logs the error.
    """
    from app.core.logging import configure_logging
    from app.platform.jobs.job_runs import run_next
    from app.platform.models import Lane

    configure_logging(settings.model_copy(update={"log_level": "error"}))
    with step("demo jobs done"):
        deadline = time.monotonic() + DEMO_SECONDS
        while jobs_wait() and time.monotonic() < deadline:
            if not run_next(lane=Lane.OUTSIDE):
                time.sleep(0.05)


def jobs_wait() -> bool:
    """Return whether a job that does not recur is running, or is due soon."""
    from datetime import timedelta

    from sqlalchemy import not_, or_, select

    from app.core.types import utc_now
    from app.db.database import SessionLocal
    from app.platform.models import Job

    recurring = Job.key.is_not(None) & Job.key.startswith("recurring ")
    soon = or_(Job.lease.is_not(None), Job.due_at < utc_now() + timedelta(seconds=DEMO_SECONDS))
    with SessionLocal(info={"reading": True}) as db:
        return db.scalar(select(Job.id).where(soon, not_(recurring)).limit(1)) is not None
