"""Commands for the blog: `python -m app.cli blog --help`."""

from typing import Annotated

import typer

from app.core.features import load_models

from .content import rerendering
from .counts import folding, recounting

cli = typer.Typer(no_args_is_help=True, help=__doc__)


@cli.callback()
def begin() -> None:
    load_models()


@cli.command("render-posts")
def render_posts(
    *,
    restart: Annotated[
        bool, typer.Option(help="Start from the beginning, even if the last run was interrupted.")
    ] = False,
) -> None:
    """Render the posts whose HTML is outdated.

    Run this after an update that changes how Markdown is rendered. Until then, such
    posts are rendered each time they are read.
    """
    done = rerendering.render_posts(restart=restart)
    typer.echo(f"Posts checked: {done.rows}")


@cli.command()
def recount() -> None:
    """Recompute the numbers of posts. The application may keep running.

    Use this after posts were changed or deleted with plain SQL. A recount also runs
    once a day. An interrupted recount continues where it stopped.
    """
    folding.fold(budget=None)
    recounting.recount(budget=None)
    typer.echo("The numbers of posts are now exact.")
