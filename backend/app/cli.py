"""Commands for developers and operators: `python -m app.cli --help`."""

import sys
from graphlib import TopologicalSorter
from typing import Annotated

import typer

from app.core.config import get_settings
from app.core.errors import AppError
from app.core.features import Feature, discover, load_models
from app.db.database import Base, SessionLocal
from app.db.migrations import alembic_config
from app.platform import dead_letters

cli = typer.Typer(no_args_is_help=True, add_completion=False, help=__doc__)


def migrate() -> None:
    """Bring the database to the head of the migrations."""
    from alembic import command

    command.upgrade(alembic_config(), "head")


@cli.command()
def seed() -> None:
    """Load the demo data of every feature. Does nothing twice; refuses production."""
    if get_settings().is_production:
        sys.exit("Demo data has passwords that everybody knows: it is never loaded in production.")
    load_models()
    with SessionLocal() as db, db.begin():
        for feature in _by_dependency():
            if demo := feature.module("demo"):
                demo.load(db)


def _by_dependency() -> list[Feature]:
    """Features whose tables others refer to come before those others."""
    owner = {
        mapper.local_table: feature
        for feature in discover()
        for mapper in Base.registry.mappers
        if mapper.class_.__module__.startswith(f"app.routers.{feature.name}.")
    }
    order: TopologicalSorter[Feature] = TopologicalSorter({feature: set() for feature in discover()})
    for table, feature in owner.items():
        referred = {owner.get(key.column.table, feature) for key in table.foreign_keys}
        order.add(feature, *(referred - {feature}))
    return list(order.static_order())


@cli.command()
def superuser(
    email: Annotated[str, typer.Option(prompt=True)],
    username: Annotated[str, typer.Option(prompt=True, help="Only used for a new account.")],
    password: Annotated[str, typer.Option(help="Asked for, unseen, when a new or unverified account needs one.")] = "",
) -> None:
    """Make the account with this address a superuser; make the account first where there is none."""
    from app.routers.auth import service

    with SessionLocal() as db, db.begin():
        known = service.find_by_login(db, email)
        if (known is None or not known.is_verified) and not password:
            password = typer.prompt("Password", hide_input=True, confirmation_prompt=True)
        try:
            user = service.make_superuser(db, email=email, username=username, password=password or None)
        except (ValueError, AppError) as error:
            sys.exit(f"No superuser was made: {error}")
        typer.echo(f"{user.email} ({user.username}) is a superuser.")


@cli.command("dead-letters")
def list_dead_letters() -> None:
    """List the mails and jobs that were given up: which, since when, and why."""
    load_models()
    with SessionLocal() as db:
        letters, number = dead_letters.list_dead_letters(db), dead_letters.count_dead_letters(db)
    for letter in letters:
        typer.echo(f"{letter.name:<12} since {letter.since:%Y-%m-%d %H:%M} UTC  {letter.about}")
        typer.echo(f"{'':<12} tries: {letter.attempts}  {letter.reason}")
    typer.echo(f"Dead letters: {number}" + (f", of which the newest {len(letters)}" if number > len(letters) else ""))


@cli.command()
def requeue(
    names: Annotated[list[str] | None, typer.Argument(help="As `dead-letters` calls them: mail:12 job:3")] = None,
    everything: Annotated[bool, typer.Option("--all", help="All dead letters.")] = False,  # noqa: FBT002 - typer's way
) -> None:
    """Have dead letters worked on again, for another 24 hours."""
    if bool(names) == everything:
        sys.exit("Name dead letters, such as mail:12, or say --all.")
    load_models()
    if everything:
        typer.echo(f"Queued again: {dead_letters.requeue_all()}")
        return
    with SessionLocal() as db, db.begin():
        try:
            count = dead_letters.requeue(db, names or [])
        except dead_letters.NoSuchLetter as unknown:
            sys.exit(f"There is no dead letter {unknown}. Nothing was changed.")
    typer.echo(f"Queued again: {count}")


if __name__ == "__main__":
    cli()
