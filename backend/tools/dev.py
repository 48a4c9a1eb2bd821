"""The program behind `make dev`: prepares everything, and runs the server until Ctrl-C.

The application is imported inside functions, for two reasons. Its settings read the
`.env` that the first step writes. Its database modules are slow to import, so the
server process is started before this process imports them.
"""

import os
import signal
import sys
import time
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from tools.changes import Changed, Files
from tools.children import Children, Ended
from tools.console import Problem, run, step
from tools.dev_database import finish_demo, prepare_database, require_database_file
from tools.env_file import write_env_file
from tools.ports import Wanted, require_free

if TYPE_CHECKING:
    from app.core.config import Settings

ROOT = Path(__file__).resolve().parents[2]
ENV_FILE = ROOT / ".env"

EVERYWHERE = ("localhost", "127.0.0.1", "0.0.0.0", "::")  # noqa: S104 - only compared, not listened on

UP = """
  Liftoff is up. Ctrl-C ends it.

    API       {api}
    Docs      {api}/docs
    ReDoc     {api}/redoc
    Demo      {api}/demo    register, subscribe, write
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
        signal.signal(ending, signal.default_int_handler)  # SIGTERM has the same effect as Ctrl-C
    if not ENV_FILE.exists():
        with step(".env written, with a new SECRET_KEY"):
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
    """Replace this process with a new one, because settings are read only once.

    All child processes have ended by now.
    """
    os.execv(sys.executable, [sys.executable, "-m", "tools.dev"])  # noqa: S606 - no shell is wanted


def require_ports(settings: "Settings") -> None:
    from app.server.listening import addresses

    wanted = [Wanted("PORT", addresses(settings.host), settings.port)]
    if simulates_stripe(settings):
        if settings.port == settings.simulator_port:
            raise Problem(
                f"PORT and SIMULATOR_PORT are both {settings.port}. Give one of them another "
                "number."
            )
        wanted.append(Wanted("SIMULATOR_PORT", ("127.0.0.1",), settings.simulator_port))
    require_free(*wanted)


def development_settings() -> "Settings":
    """Return the settings. Raises `Problem` outside development.

    This check comes first. Otherwise `make dev` would print which settings are missing
    for production, which does not help a developer.
    """
    from app.core.config import get_settings, read_stage

    if ENV_FILE.is_dir():
        raise Problem(".env is a folder. Remove it, and make dev writes the file.")
    if read_stage().is_deployed:
        if not ENV_FILE.read_text("utf-8").strip():
            raise Problem(".env is empty. Remove it, and make dev writes a new one.")
        raise Problem(
            "make dev is for development. Set ENVIRONMENT=development in .env, and unset it in "
            "the shell. (If it is not set, this is production.) For production, use make migrate "
            "and make run."
        )
    return get_settings()


def require_state_file(settings: "Settings") -> None:
    """Raise `Problem` if another `make dev` of this clone uses the simulator's state.

    This check comes before the port check. The simulator itself would report the
    problem only after half of the programs have started.
    """
    from simulator.state.file import InUse, StateFile, UnusableState

    try:
        StateFile(settings.simulator_file).close()
    except InUse as error:
        raise Problem(
            f"Another make dev is running in this clone and keeps {settings.simulator_state} "
            "open. End it, or give this one its own PORT, SIMULATOR_PORT and SIMULATOR_STATE "
            "(and DATABASE_URL, to share nothing)."
        ) from error
    except UnusableState as error:
        raise Problem(str(error)) from error


def serve(settings: "Settings", children: Children, files: Files) -> NoReturn:
    """Run the server and the simulator until one of them ends.

    Raises `Ended` when one of them has ended. Plans should be on sale as soon as the
    server is ready. So if the database is new, the server starts after the demo data is
    loaded. An existing database already has the demo data, so the server starts while
    the database is being checked.
    """
    if simulates_stripe(settings):
        start_simulator(settings, children)
    was_here = settings.sqlite_file is not None and settings.sqlite_file.stat().st_size > 0
    if was_here:
        # The server refuses requests until the database is ready.
        children.start("app.server", "--reload")
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
    stripe = (
        f"{settings.simulator_url}/_simulator"
        if simulates_stripe(settings)
        else settings.stripe_api_base
    )
    print(UP.format(api=api_url(settings), stripe=stripe), flush=True)
    children.wait(lambda: files.follow(settings, sells=simulates_stripe(settings)))


def simulates_stripe(settings: "Settings") -> bool:
    """Return whether the simulator is used instead of Stripe.

    STRIPE_API_BASE may name another server.
    """
    return settings.stripe_api_base == settings.simulator_url


def start_simulator(settings: "Settings", children: Children) -> None:
    """Start the simulator, which sends its events to this server's webhook.

    It is a separate program, so a reload of the server does not affect it.
    """
    webhook = f"{api_url(settings)}/payments/webhook"
    secret = settings.stripe_webhook_secret[0].get_secret_value()
    # The secret is passed in an environment variable, because every user of the machine
    # can read the arguments of a process.
    os.environ["SIMULATOR_WEBHOOK_SECRET"] = secret
    port, state = str(settings.simulator_port), str(settings.simulator_file)
    children.start("simulator", "--port", port, "--state", state, "--webhook", webhook)


def api_url(settings: "Settings") -> str:
    """Return the URL of the API for browsers and the simulator, without a trailing
    slash.

    The host is `localhost` where possible, as in the default of PUBLIC_URL. For a
    browser, `127.0.0.1` would be another site with other cookies.
    """
    host = "localhost" if settings.host in EVERYWHERE else settings.host
    # An IPv6 address needs brackets, because it contains colons.
    host = f"[{host}]" if ":" in host else host
    return f"http://{host}:{settings.port}{settings.api_prefix}"


def is_ready(host: str, settings: "Settings") -> bool:
    return answers(host, settings.port, f"{settings.api_prefix}/health/ready")


def stripe_is_ready(settings: "Settings") -> bool:
    return not simulates_stripe(settings) or answers(
        "127.0.0.1", settings.simulator_port, "/_simulator/api/state"
    )


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
