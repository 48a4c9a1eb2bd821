"""Commands for developers and operators: `python -m app.cli --help`."""

import os
import sys
from graphlib import TopologicalSorter
from typing import Annotated

import typer

from app.core.config import get_settings
from app.core.errors import AppError
from app.core.features import Feature, discover, load_models
from app.db.database import Base, SessionLocal
from app.db.migrations import alembic_config
from app.routers.auth.sign_in import with_password

from .platform.queues import dead_letters

cli = typer.Typer(no_args_is_help=True, add_completion=False, help=__doc__)


def migrate() -> None:
    """Migrate the database to the newest revision."""
    from alembic import command

    command.upgrade(alembic_config(), "head")


@cli.command()
def seed() -> None:
    """Load every feature's demo data.

    A second run changes nothing. Production and staging are refused.
    """
    if get_settings().is_deployed:
        sys.exit(
            "The demo data contains passwords that are public. It is never loaded in production "
            "or staging."
        )
    load_models()
    with SessionLocal() as db, db.begin():
        for feature in _by_dependency():
            if demo := feature.module("demo"):
                demo.load(db)


def _by_dependency() -> list[Feature]:
    """Return the features in an order in which each follows those whose tables it
    references.
    """
    owner = {
        mapper.local_table: feature
        for feature in discover()
        for mapper in Base.registry.mappers
        if mapper.class_.__module__.startswith(f"app.routers.{feature.name}.")
    }
    order: TopologicalSorter[Feature] = TopologicalSorter(
        {feature: set() for feature in discover()}
    )
    for table, feature in owner.items():
        referred = {owner.get(key.column.table, feature) for key in table.foreign_keys}
        order.add(feature, *(referred - {feature}))
    return list(order.static_order())


@cli.command()
def superuser(
    email: Annotated[str, typer.Option(prompt=True)],
    username: Annotated[str, typer.Option(prompt=True, help="Only used for a new account.")],
) -> None:
    """Make the account with this address a superuser, and create it if necessary.

    A new or unverified account needs a password. The password is read from the
    environment variable PASSWORD, or from standard input. It is not an option, because
    every user of the machine can read a process's arguments.
    """
    from app.routers.auth import service

    password = os.environ.get("PASSWORD", "")
    with SessionLocal() as db, db.begin():
        known, _ = with_password.find_by_login(db, email)
        if (known is None or not known.is_verified) and not password:
            password = _read_password()
        try:
            user = service.make_superuser(
                db, email=email, username=username, password=password or None
            )
        except (ValueError, AppError) as error:
            sys.exit(f"No superuser was created or changed: {error}")
        typer.echo(f"{user.email} ({user.username}) is a superuser.")


def _read_password() -> str:
    """Read one line of standard input. At a terminal, ask twice without showing the
    input.
    """
    if sys.stdin.isatty():
        typed: str = typer.prompt("Password", hide_input=True, confirmation_prompt=True)
        return typed
    return sys.stdin.readline().rstrip("\r\n")


@cli.command("database-limits")
def database_limits() -> None:
    """Set the request time limits as defaults for our PostgreSQL role.

    This is necessary with a pooler, because it shares connections. `psql` also gets
    these limits, unless it sets its own.
    """
    from app.db.role_limits import write_limits

    try:
        shown = write_limits(get_settings())
    except ValueError as error:
        sys.exit(f"{error}.")
    for name, value in shown.items():
        typer.echo(f"{name:<40}{value}")


@cli.command()
def rekey() -> None:
    """Encrypt second-factor secrets with the current SECRET_KEY.

    Secrets encrypted with SECRET_KEY_PREVIOUS are encrypted again.
    """
    from app.routers.auth.mfa import key_rotation

    renewed, unreadable = key_rotation.renew_all()
    typer.echo(f"Secrets encrypted with the new key: {renewed}")
    if unreadable:
        sys.exit(
            f"Secrets that neither key can decrypt: {unreadable}. Their owners must sign in with "
            "a recovery code."
        )


@cli.command("dead-letters")
def list_dead_letters() -> None:
    """List the emails and jobs that failed for good, with time and reason."""
    load_models()
    with SessionLocal() as db:
        letters, number = dead_letters.list_dead_letters(db), dead_letters.count_dead_letters(db)
    for letter in letters:
        typer.echo(f"{letter.name:<12} since {letter.since:%Y-%m-%d %H:%M} UTC  {letter.about}")
        typer.echo(f"{'':<12} attempts: {letter.attempts}  {letter.reason}")
    typer.echo(
        f"Dead letters: {number}"
        + (f". The newest {len(letters)} are shown." if number > len(letters) else "")
    )


@cli.command()
def requeue(
    names: Annotated[
        list[str] | None, typer.Argument(help="Names as `dead-letters` prints them: mail:12 job:3")
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="All dead letters.")] = False,  # noqa: FBT002 - typer's way
) -> None:
    """Queue dead letters again, for another 24 hours."""
    if bool(names) == everything:
        sys.exit("Name one or more dead letters, such as mail:12, or pass --all.")
    load_models()
    if everything:
        typer.echo(f"Queued again: {dead_letters.requeue_all()}")
        return
    with SessionLocal() as db, db.begin():
        try:
            count = dead_letters.requeue_dead_letters(db, names or [])
        except dead_letters.NoSuchLetter as unknown:
            sys.exit(f"There is no dead letter {unknown}. Nothing was changed.")
    typer.echo(f"Queued again: {count}")


if __name__ == "__main__":
    cli()
