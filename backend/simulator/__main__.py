"""Starts the simulator, a local stand-in for Stripe: `python -m simulator`."""

import argparse
import contextlib
import gc
import os
import sys
from pathlib import Path

from dotenv import dotenv_values

from simulator.app import create_app
from simulator.server import server
from simulator.settings import PORT, ROOT, STATE, Settings
from simulator.state.file import UnusableState


def main() -> None:
    if _environment() == "production":
        sys.exit("The simulator is for development and tests. It refuses ENVIRONMENT=production.")
    options = _parser().parse_args()
    settings = Settings(
        port=options.port,
        state=None if options.memory else options.state,
        seed=options.seed,
        now=options.now,
        webhook=_webhook(options),
        host=options.host,
        names=tuple(options.name),
    )
    try:
        app = create_app(settings)
    except UnusableState as error:
        sys.exit(str(error))
    gc.set_threshold(
        20_000, 20, 50
    )  # collect less often: a simulated year of 1,000 subscriptions makes very many dicts
    running = server(app, settings.port, settings.host)
    with contextlib.suppress(KeyboardInterrupt):  # uvicorn repeats Ctrl-C after a clean shutdown
        running.run()
    if not running.started:
        sys.exit(1)  # uvicorn has logged the reason


def _environment() -> str | None:
    """Return ENVIRONMENT. As in the application, the variable overrides `.env`."""
    with contextlib.suppress(
        OSError, UnicodeDecodeError
    ):  # the application reports what is wrong with `.env`
        return os.environ.get("ENVIRONMENT") or dotenv_values(ROOT / ".env").get("ENVIRONMENT")
    return None


def _webhook(options: argparse.Namespace) -> tuple[str, str] | None:
    if not options.webhook:
        return None
    if not options.webhook_secret:
        sys.exit("--webhook needs a secret. Give --webhook-secret or set SIMULATOR_WEBHOOK_SECRET.")
    return options.webhook, options.webhook_secret


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m simulator", description="A stateful Stripe that runs offline."
    )
    port = int(os.environ.get("SIMULATOR_PORT") or PORT)
    parser.add_argument(
        "--port", type=int, default=port, help="to listen on; SIMULATOR_PORT or %(default)s"
    )
    parser.add_argument(
        "--host", default="127.0.0.1", help="the address to listen on; there is no sign-in"
    )
    parser.add_argument(
        "--name",
        action="append",
        default=[],
        help="another host name to answer to, in addition to this machine's",
    )
    state = ROOT / (os.environ.get("SIMULATOR_STATE") or STATE)
    parser.add_argument(
        "--state",
        type=Path,
        default=state,
        help="the file that survives restarts; or SIMULATOR_STATE",
    )
    parser.add_argument("--memory", action="store_true", help="keep no file")
    parser.add_argument("--seed", help="of a new state: the same calls then give the same ids")
    parser.add_argument("--webhook", metavar="URL", help="an endpoint that gets all events")
    parser.add_argument(
        "--webhook-secret",
        default=os.environ.get("SIMULATOR_WEBHOOK_SECRET"),
        help="whsec_… of that endpoint",
    )
    parser.add_argument(
        "--now", type=int, help="stop the clock at this Unix time, until it is advanced"
    )
    return parser


if __name__ == "__main__":
    main()
