"""What `make dev` runs: all that a newcomer needs, then the server, until Ctrl-C.

The application is imported inside functions: its settings read the `.env` that the first step writes, and its
database part loads while the server is starting already.
"""

import signal
import time
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import TYPE_CHECKING

from tools.children import Children
from tools.console import Problem, run, step
from tools.env_file import write_env_file
from tools.ports import require_free

if TYPE_CHECKING:
    from app.core.config import Settings

ROOT = Path(__file__).resolve().parents[2]

UP = """
  Liftoff is up. Ctrl-C ends it.

    API       {api}
    Docs      {api}/docs
    ReDoc     {api}/redoc
    Mailbox   {api}/dev/mailbox
    Health    {api}/health/ready

    Demo accounts, all with the password liftoff-demo-password
      admin@example.com     superuser
      author@example.com    author
      editor@example.com    author
"""


def main() -> int:
    for ending in (signal.SIGINT, signal.SIGTERM):
        signal.signal(ending, signal.default_int_handler)  # to be killed is the same as Ctrl-C
    if not (ROOT / ".env").exists():
        with step(".env written, with a SECRET_KEY of its own"):
            write_env_file(ROOT)
    settings = development_settings()
    require_free(settings.host, settings.port)
    with Children() as children:
        try:
            return serve(settings, children)
        except KeyboardInterrupt:
            return 0


def development_settings() -> "Settings":
    from app.core.config import get_settings

    settings = get_settings()
    if settings.environment == "production":
        raise Problem("make dev is for development: set ENVIRONMENT=development, or use make migrate and make run.")
    return settings


def serve(settings: "Settings", children: Children) -> int:
    """Until the server ends: its exit code."""
    embedded = settings.database_url.get_secret_value().startswith("sqlite:")
    if embedded:
        children.start("app.server", "--reload")  # it refuses requests until the database is ready
    prepare_database()
    if not embedded:
        children.start("app.server", "--reload")  # not before it is known that its database is there
    host = local_name(settings.host)
    with step("server ready"):
        while not is_ready(host, settings):
            if (code := children.exit_code()) is not None:
                return code
            time.sleep(0.05)
    print(UP.format(api=f"http://{host}:{settings.port}{settings.api_prefix}"), flush=True)
    return children.wait()


def prepare_database() -> None:
    """Bring it to the newest revision and load the demo data. Raises `Problem` for one that cannot be used."""
    from alembic.util import CommandError
    from sqlalchemy.exc import SQLAlchemyError

    try:
        from app.cli import migrate, seed  # makes the engine, so a malformed URL fails here

        with step("database migrated"):
            migrate()
        with step("demo data loaded"):
            seed()
    except (SQLAlchemyError, CommandError) as error:
        reason = " ".join(str(getattr(error, "orig", None) or error).split())[:200]
        raise Problem(f"DATABASE_URL cannot be used: {reason}. Start that database, or empty it for SQLite.") from error


def local_name(host: str) -> str:
    """What to call, on this machine, a server that listens there."""
    return "127.0.0.1" if host in ("0.0.0.0", "::") else host  # noqa: S104 - compared, not listened on


def is_ready(host: str, settings: "Settings") -> bool:
    connection = HTTPConnection(host, settings.port, timeout=5)
    try:
        connection.request("GET", f"{settings.api_prefix}/health/ready")
        return connection.getresponse().status == HTTPStatus.OK
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


if __name__ == "__main__":
    run(main)
