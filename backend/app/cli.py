"""Commands for developers and operators: `python -m app.cli --help`.

Modules that need the database are imported inside the functions, because that import
needs valid settings. `doctor` must be able to report invalid settings.
"""

import os
import sys
from typing import Annotated

import typer

from app.core.config import get_settings
from app.core.errors import AppError
from app.core.features import discover, load_models
from app.core.logging import configure_logging
from app.platform.backups import commands as backups

cli = typer.Typer(no_args_is_help=True, add_completion=False, help=__doc__)


def migrate() -> None:
    """Migrate the database to the newest revision."""
    from alembic import command

    from app.db.migrations import alembic_config

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
    from app.db.database import SessionLocal
    from app.db.feature_order import features_by_dependency

    load_models()
    with SessionLocal() as db, db.begin():
        for feature in features_by_dependency():
            if demo := feature.module("demo"):
                demo.load(db)


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
    from app.db.database import SessionLocal
    from app.routers.auth import service
    from app.routers.auth.sign_in import with_password

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


@cli.command()
def forget(
    user: Annotated[str, typer.Argument(help="Id, username or email address of the account.")],
    *,
    yes: Annotated[bool, typer.Option("--yes", help="Erase the account and its content.")] = False,
) -> None:
    """Erase an account with all its content, as a person may demand (GDPR, article 17).

    A job erases the content. A deleted account cannot be restored.
    """
    from app.db.database import SessionLocal
    from app.routers.auth.privacy import forgetting

    load_models()
    with SessionLocal() as db, db.begin():
        if (account := forgetting.find_account(db, user)) is None:
            sys.exit(f"There is no account {user}.")
        name = f"account {account.id} ({account.username})"
        if not yes:
            sys.exit(
                f"Nothing was changed. This would erase the {name} and everything that it has "
                "made. To do that, add yes=1 (--yes)."
            )
        try:
            forgetting.forget(db, account)
        except AppError as error:
            sys.exit(f"Nothing was changed: {error}")
    typer.echo(f"The {name} is deleted. A worker now erases its content.")


@cli.command("database-limits")
def database_limits() -> None:
    """Set the request time limits as defaults for our PostgreSQL role.

    This is necessary with a connection pooler, because the pooler shares connections.
    `psql` also gets these limits, unless it sets its own.
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


@cli.command()
def doctor(
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
) -> None:
    """Check this deployment: settings, database, services, queues, and whether the
    stored rows are consistent.

    The exit code is 1 if a check fails. Warnings do not change the exit code.
    """
    from app.platform.doctor import all_checks, report, running

    try:
        settings = get_settings()
    except SystemExit as refusal:
        from app.platform.doctor.settings import invalid_settings

        rows = [invalid_settings(str(refusal.code))]
    else:
        configure_logging(settings, sys.stderr)
        load_models()
        rows = running.run_checks(all_checks().values())
    typer.echo(report.as_json(rows) if as_json else "\n".join(report.as_table(rows)))
    if report.has_failed(rows):
        sys.exit(1)


cli.command()(backups.backup)
cli.command()(backups.restore)


@cli.command()
def reindex(
    tables: Annotated[
        list[str] | None,
        typer.Argument(help="Table names. Default: all tables that have full-text search."),
    ] = None,
    *,
    restart: Annotated[
        bool, typer.Option(help="Start from the beginning, even if the last run was interrupted.")
    ] = False,
) -> None:
    """Compute the full-text search tokens of stored rows again.

    Use this after changing SEARCH_LANGUAGE, and for rows that were written with plain
    SQL or before their table could be searched.
    """
    from app.db.search import reindexing

    load_models()
    models = reindexing.searchable_models()
    if unknown := set(tables or ()) - models.keys():
        sys.exit(
            f"The table {min(unknown)} has no full-text search. These tables have it: "
            f"{', '.join(models) or 'none'}."
        )
    for table in tables or models:
        done = reindexing.reindex(models[table], restart=restart)
        typer.echo(f"Rows of {table} indexed: {done.rows}")


@cli.command("documents-indexes")
def documents_indexes() -> None:
    """Create the indexes of every feature's documents in MongoDB.

    A second run changes nothing.
    """
    from app.db import documents

    if get_settings().mongodb_url is None:
        sys.exit("MONGODB_URL is not set, so there are no documents to index.")
    from pymongo.errors import PyMongoError

    try:
        for feature in discover():
            if declared := feature.module("documents"):
                for collection, names in documents.make_indexes(declared.indexes()).items():
                    typer.echo(f"{collection}: {', '.join(names)}")
    except PyMongoError as error:
        sys.exit(f"The indexes could not be created: {error}")


@cli.command("dead-letters")
def list_dead_letters() -> None:
    """List the emails and jobs that failed for good, with time and reason."""
    from app.db.database import SessionLocal
    from app.platform.queues import dead_letters

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
    from app.db.database import SessionLocal
    from app.platform.queues import dead_letters

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


def add_feature_commands() -> None:
    """Add the commands of each feature that has a `commands.py`, under its name."""
    for feature in discover():
        if commands := feature.module("commands"):
            cli.add_typer(commands.cli, name=feature.name)


if __name__ == "__main__":
    if sys.argv[1:2] != ["doctor"]:  # `doctor` reports invalid settings itself
        add_feature_commands()
    cli()
