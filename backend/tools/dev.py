"""What `make dev` runs: all that a newcomer needs, then the server, until Ctrl-C.

The application is imported inside functions: its settings read the `.env` that the first step writes, and its
database part loads while the server is starting already.
"""

import os
import signal
import sys
import time
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import TYPE_CHECKING, NoReturn

from tools.changes import Changed, Files
from tools.children import Children, Ended
from tools.console import Problem, run, step
from tools.env_file import write_env_file
from tools.ports import Wanted, require_free

if TYPE_CHECKING:
    from app.core.config import Settings

ROOT = Path(__file__).resolve().parents[2]
ENV_FILE = ROOT / ".env"

EVERYWHERE = ("localhost", "127.0.0.1", "0.0.0.0", "::")  # noqa: S104 - compared, not listened on
DEMO_SECONDS = 8  # a second try of a job comes after six

UP = """
  Liftoff is up. Ctrl-C ends it.

    API       {api}
    Docs      {api}/docs
    ReDoc     {api}/redoc
    Try it    {api}/dev/frontend    register, subscribe
    Mailbox   {api}/dev/mailbox
    Stripe    {stripe}
    Health    {api}/health/ready

    Demo accounts, all with the password liftoff-demo-password
      admin@example.com     superuser
      author@example.com    author
      editor@example.com    author
"""


def main() -> int:
    for ending in (signal.SIGINT, signal.SIGTERM):
        signal.signal(ending, signal.default_int_handler)  # to be killed is the same as Ctrl-C
    if not ENV_FILE.exists():
        with step(".env written, with a SECRET_KEY of its own"):
            write_env_file(ROOT)
    files = Files()
    settings = development_settings()
    require_database_file(settings)
    if simulates_stripe(settings):
        require_state_file(settings)
    require_ports(settings)
    with Children() as children:
        try:
            serve(settings, children, files)
        except Ended as end:
            return end.code
        except KeyboardInterrupt:
            return 0
        except Changed:
            pass
    return start_again()


def start_again() -> NoReturn:
    """Become this program anew: its settings are read once, and everything that it has started has ended."""
    os.execv(sys.executable, [sys.executable, "-m", "tools.dev"])  # noqa: S606 - no shell is wanted


def require_ports(settings: "Settings") -> None:
    from app.server.listening import addresses

    wanted = [Wanted("PORT", addresses(settings.host), settings.port)]
    if simulates_stripe(settings):
        if settings.port == settings.simulator_port:
            raise Problem(f"PORT and SIMULATOR_PORT are both {settings.port}. Give one of them another number.")
        wanted.append(Wanted("SIMULATOR_PORT", ("127.0.0.1",), settings.simulator_port))
    require_free(*wanted)


def development_settings() -> "Settings":
    """Raises `Problem` outside development, before anything that production would miss is listed."""
    from app.core.config import get_settings, read_stage

    if ENV_FILE.is_dir():
        raise Problem(".env is a folder: remove it, and make dev writes the file.")
    if read_stage().is_deployed:
        if not ENV_FILE.read_text("utf-8").strip():
            raise Problem(".env is empty: remove it, and make dev writes one.")
        raise Problem(
            "make dev is for development: set ENVIRONMENT=development in .env (without it, or where the shell says "
            "otherwise, this is production), or use make migrate and make run."
        )
    return get_settings()


def require_database_file(settings: "Settings") -> None:
    """Before the server starts: it would find the same fault and say it, too."""
    from app.core.database_urls import make_folder, unusable

    if (file := settings.sqlite_file) is None:
        return
    make_folder(file)
    try:
        file.open("ab").close()
        NamedTemporaryFile(dir=file.parent).close()  # SQLite keeps its log beside the file
    except OSError as error:
        raise Problem(unusable(file, error)) from error


def require_state_file(settings: "Settings") -> None:
    """Raise `Problem` if the simulator's state is in use: so it is while another `make dev` runs in this clone.

    Asked before the ports are: the simulator would say it only when half of everything has started.
    """
    from simulator.state.file import InUse, StateFile, UnusableState

    try:
        StateFile(settings.simulator_file).close()
    except InUse as error:
        raise Problem(
            f"make dev is running in this clone already: it keeps {settings.simulator_state} open. End that one, or "
            "give this one its own PORT, SIMULATOR_PORT and SIMULATOR_STATE (and DATABASE_URL, to share nothing)."
        ) from error
    except UnusableState as error:
        raise Problem(str(error)) from error


def serve(settings: "Settings", children: Children, files: Files) -> NoReturn:
    """Run the server and the simulator until one of them ends: `Ended`.

    Whoever finds the server ready can buy a plan. So with a new database it starts after the demo data; a database
    that was here before has the demo data, and then the server loads while the database is looked at.
    """
    if simulates_stripe(settings):
        start_simulator(settings, children)
    was_here = settings.sqlite_file is not None and settings.sqlite_file.stat().st_size > 0
    if was_here:
        children.start("app.server", "--reload")  # it refuses requests until the database is ready
    prepare_database()
    while not stripe_is_ready(settings):
        children.require_all()
        time.sleep(0.05)
    finish_demo(settings)
    if not was_here:
        children.start("app.server", "--reload")
    host = "127.0.0.1" if settings.host in EVERYWHERE else settings.host
    with step("server ready"):
        while not is_ready(host, settings):
            children.require_all()
            time.sleep(0.05)
    stripe = f"{settings.simulator_url}/_simulator" if simulates_stripe(settings) else settings.stripe_api_base
    print(UP.format(api=api_url(settings), stripe=stripe), flush=True)
    children.wait(lambda: files.follow(settings, sells=simulates_stripe(settings)))


def simulates_stripe(settings: "Settings") -> bool:
    """Not where STRIPE_API_BASE names another one, such as Stripe itself."""
    return settings.stripe_api_base == settings.simulator_url


def start_simulator(settings: "Settings", children: Children) -> None:
    """All its events go to this server's webhook. A reload of the server leaves it alone, as it is another program."""
    webhook = f"{api_url(settings)}/payments/webhook"
    secret = settings.stripe_webhook_secret[0].get_secret_value()
    os.environ["SIMULATOR_WEBHOOK_SECRET"] = secret  # arguments can be read by every user of the machine
    port, state = str(settings.simulator_port), str(settings.simulator_file)
    children.start("simulator", "--port", port, "--state", state, "--webhook", webhook)


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


def finish_demo(settings: "Settings") -> None:
    """Do the jobs that the demo data asked for: its plans are for sale once Stripe has their prices.

    For a while only: a Stripe that is not the simulator may refuse. Then a worker tries again, and says so in the log.
    """
    from app.core.logging import configure_logging
    from app.platform.job_runs import run_next
    from app.platform.models import Lane

    configure_logging(settings.model_copy(update={"log_level": "error"}))
    with step("demo data at work"):
        deadline = time.monotonic() + DEMO_SECONDS
        while jobs_wait() and time.monotonic() < deadline:
            if not run_next(lane=Lane.OUTSIDE):
                time.sleep(0.05)


def jobs_wait() -> bool:
    """Whether a job is done now, or soon, that does not come again by itself."""
    from datetime import timedelta

    from sqlalchemy import not_, or_, select

    from app.core.types import now
    from app.db.database import SessionLocal
    from app.platform.models import Job

    recurring = Job.key.is_not(None) & Job.key.startswith("recurring ")
    soon = or_(Job.lease.is_not(None), Job.due_at < now() + timedelta(seconds=DEMO_SECONDS))
    with SessionLocal(info={"reading": True}) as db:
        return db.scalar(select(Job.id).where(soon, not_(recurring)).limit(1)) is not None


def api_url(settings: "Settings") -> str:
    """Where this machine's browsers and the simulator reach the API, without a slash at the end.

    By the name that PUBLIC_URL has by default: to a browser `127.0.0.1` is another site, with other cookies.
    """
    host = "localhost" if settings.host in EVERYWHERE else settings.host
    host = f"[{host}]" if ":" in host else host  # an IPv6 address, whose colons are not the port's
    return f"http://{host}:{settings.port}{settings.api_prefix}"


def is_ready(host: str, settings: "Settings") -> bool:
    return answers(host, settings.port, f"{settings.api_prefix}/health/ready")


def stripe_is_ready(settings: "Settings") -> bool:
    return not simulates_stripe(settings) or answers("127.0.0.1", settings.simulator_port, "/_simulator/api/state")


def answers(host: str, port: int, path: str) -> bool:
    connection = HTTPConnection(host, port, timeout=5)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == HTTPStatus.OK
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


if __name__ == "__main__":
    run(main)
