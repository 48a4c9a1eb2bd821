"""Commands for accounts: `python -m app.cli auth --help`."""

import sys
from typing import Annotated

import typer

from app.core.features import load_models

from .sessions import wholesale

cli = typer.Typer(no_args_is_help=True, help=__doc__)


@cli.callback()
def begin() -> None:
    load_models()


@cli.command("end-sessions")
def end_sessions(
    *,
    yes: Annotated[
        bool, typer.Option("--yes", help="Confirm that everyone signs in again.")
    ] = False,
) -> None:
    """End the sessions of all users at once, for example after a leak.

    Everyone has to sign in again. Passwords and second factors stay as they are.
    """
    if not yes:
        sys.exit("Every user would have to sign in again. Confirm it with --yes.")
    typer.echo(f"Users whose sessions have ended: {wholesale.end_everyones_sessions()}")
